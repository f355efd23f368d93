package dev.sluice.actors.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code ./sluice}: hands over to the commands and turns what users can mend into one clear line. */
@Command(
        name = "sluice",
        mixinStandardHelpOptions = true,
        version = "sluice 0.1.0",
        description = "Distils a diffusion teacher into a few-step mixture-of-experts generator on a cluster of actors,"
                + " and serves it while it learns.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            DistillCommand.class,
            ResumeCommand.class,
            TrainTeacherCommand.class,
            JoinTeachersCommand.class,
            TrainClassifierCommand.class,
            SampleCommand.class,
            ServeCommand.class,
            NodeCommand.class,
            SubmitCommand.class,
            ExperimentsCommand.class,
            CancelCommand.class,
            EvaluateCommand.class,
            CompareCommand.class,
            CheckCommand.class,
            FigureCommand.class,
            BenchCommand.class,
            SoakCommand.class
        })
public final class SluiceCommand implements Runnable {
    /** At the foot of the help of every command that takes a teacher. */
    static final String A_TEACHER_IS_A_PROGRAM = "%nA teacher is a program: its code runs in Sluice's processes. Take"
            + " files only from people you trust (docs/networks.md).";

    @Spec
    private CommandSpec spec;

    private SluiceCommand() {}

    /** Runs a command and ends the JVM with its exit code: 0 done, 2 used wrongly, else as {@link ExitCode} says. */
    public static void main(String[] args) {
        // Before any other thread logs: slf4j would otherwise greet the user with a warning about early calls.
        LoggerFactory.getLogger(SluiceCommand.class);
        poolContinuations();
        RunProcess.endWithParent();
        Runtime.getRuntime().halt(run(args));
    }

    /**
     * With two cores or fewer, Java starts a thread for every asynchronous continuation of a future, such as each answer to
     * an ask: thousands a minute. A pool of two is cheaper.
     */
    private static void poolContinuations() {
        String threads = "java.util.concurrent.ForkJoinPool.common.parallelism";
        if (Runtime.getRuntime().availableProcessors() <= 2 && System.getProperty(threads) == null) {
            System.setProperty(threads, "2");
        }
    }

    /** Runs a command and returns its exit code. */
    static int run(String... args) {
        return run(new CommandLine(new SluiceCommand()), args);
    }

    /** As {@link #run(String...)}, with what it says where the caller wants it. */
    static int run(PrintWriter out, PrintWriter err, String... args) {
        return run(new CommandLine(new SluiceCommand()).setOut(out).setErr(err), args);
    }

    private static int run(CommandLine line, String... args) {
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler((e, command, parsed) -> explain(e, command));
        int code;
        try {
            Home.settle();
            NativeNames.requireReadable(List.of(args));
            code = line.execute(args);
        } catch (UserError | OutOfMemoryError | StackOverflowError | LinkageError e) {
            code = explain(e, line);
        }
        line.getOut().flush();
        line.getErr().flush();
        return code;
    }

    /** Problems of input are one line; anything else is our fault and shows its trace. */
    private static int explain(Throwable e, CommandLine line) {
        Optional<String> mend = Explanation.of(e);
        if (mend.isPresent()) {
            line.getErr().println("sluice: " + mend.get());
        } else {
            line.getErr().println("sluice: an error of Sluice itself; please report it with what follows");
            e.printStackTrace(line.getErr());
        }
        return e instanceof RemovedFromCluster ? ExitCode.START_AGAIN : ExitCode.FAILED;
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }
}
