package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.RunStart;
import dev.sluice.actors.http.ListenException;
import dev.sluice.actors.node.CannotStart;
import dev.sluice.config.BadSettings;
import dev.sluice.monitoring.run.BadRunFolder;
import dev.sluice.runtime.network.NetworkFileException;
import java.io.IOException;
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
        RunProcess.endWithParent();
        Runtime.getRuntime().halt(run(args));
    }

    /** Runs a command and returns its exit code. */
    static int run(String... args) {
        CommandLine line = new CommandLine(new SluiceCommand());
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler(SluiceCommand::explain);
        int code = line.execute(args);
        line.getOut().flush();
        line.getErr().flush();
        return code;
    }

    /** Problems of input are one line; anything else is our fault and shows its trace. */
    private static int explain(Exception e, CommandLine line, CommandLine.ParseResult parsed) {
        if (e instanceof RemovedFromCluster) {
            line.getErr().println("sluice: " + e.getMessage());
            return ExitCode.START_AGAIN;
        }
        if (e instanceof UserError
                || e instanceof BadSettings
                || e instanceof BadRunFolder
                || e instanceof ListenException
                || e instanceof CannotStart
                || e instanceof RunStart.CannotResume
                || e instanceof NetworkFileException
                || e instanceof IOException) {
            line.getErr().println("sluice: " + e.getMessage());
        } else {
            line.getErr().println("sluice: an error of Sluice itself; please report it with what follows");
            e.printStackTrace(line.getErr());
        }
        return ExitCode.FAILED;
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }
}
