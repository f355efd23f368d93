package dev.sluice.actors.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.random.RandomGenerator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice soak}: runs over processes that meet with faults, one after the other, and what became of them. */
@Command(
        name = "soak",
        mixinStandardHelpOptions = true,
        description = {
            "Distils small runs, every role in a process of its own, while the processes are killed, suspended and told"
                    + " to leave at random and a client asks for samples. Each run must end with its records in order"
                    + " and with the weights, to the last bit, of a run that nothing happened to.",
            "Exit code 0 when all did. The same seed draws the same faults; when they strike is up to the machine."
        })
final class SoakCommand implements Callable<Integer> {
    private static final int MOST_FAULTS = 6;
    private static final int LEAST_PORT = 20_000;
    private static final int HANDED_OUT_FROM = 32_768;

    @Option(names = "--minutes", defaultValue = "30", description = "No run begins later. Default: ${DEFAULT-VALUE}.")
    private int minutes;

    @Option(names = "--seed", paramLabel = "N", description = "Of the faults. Default: another one each time.")
    private Long seed;

    @Option(
            names = "--experiment",
            paramLabel = "NAME|FILE.conf",
            defaultValue = "fashion",
            description = "Whose networks are trained, at a small budget. Default: ${DEFAULT-VALUE}.")
    private String experiment;

    @Option(
            names = "--dir",
            defaultValue = "runs/soak",
            description = "Where the runs are kept; must not be there yet. Default: ${DEFAULT-VALUE}-SEED.")
    private Path given;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
        long drawn = seed != null ? seed : RandomGenerator.getDefault().nextInt(1_000_000);
        Path folder = spec.commandLine().getParseResult().hasMatchedOption("--dir")
                ? given
                : given.resolveSibling(given.getFileName() + "-" + drawn);
        if (Files.exists(folder)) {
            throw new UserError(folder + " is there already; move it away, or name another with --dir");
        }
        Files.createDirectories(folder);
        PrintWriter out = spec.commandLine().getOut();
        out.println("sluice: soak of " + minutes + " minutes, seed " + drawn + ", in " + folder);
        out.flush();
        long end = System.nanoTime() + Duration.ofMinutes(minutes).toNanos();
        Path like = undisturbed(folder);
        RandomGenerator random = new SplittableRandom(drawn);
        int runs = 0;
        int faults = 0;
        while (System.nanoTime() < end) {
            runs++;
            List<Fault> its = Fault.draw(random, 1 + random.nextInt(MOST_FAULTS));
            faults += its.size();
            if (!isWell(runs, its, folder, like, out)) {
                out.println("sluice: seed " + drawn + " broke run " + runs);
                return ExitCode.FAILED;
            }
        }
        out.println("sluice: seed " + drawn + ": " + runs + " runs with " + faults
                + " faults, all with their records in order and the weights of the undisturbed one");
        return ExitCode.DONE;
    }

    private boolean isWell(int number, List<Fault> faults, Path folder, Path like, PrintWriter out)
            throws IOException, InterruptedException {
        out.println("run " + number);
        out.flush();
        long start = System.nanoTime();
        Path run = folder.resolve("run-" + number);
        int port = freePort(RandomGenerator.getDefault());
        List<String> arguments = arguments(run, port);
        arguments.add("--processes");
        List<String> broken =
                new SoakRun(run, out).carryOut(arguments, faults, port, folder.resolve("run-" + number + ".log"), like);
        broken.forEach(what -> out.println("  broken: " + what));
        out.println((broken.isEmpty() ? "  well after " : "  ended after ")
                + Duration.ofNanos(System.nanoTime() - start).toSeconds() + " s");
        out.flush();
        return broken.isEmpty();
    }

    private Path undisturbed(Path folder) throws IOException, InterruptedException {
        Path run = folder.resolve("undisturbed");
        Path log = folder.resolve("undisturbed.log");
        if (RunProcess.run(arguments(run, 0), log) != ExitCode.DONE) {
            throw new UserError("the run that nothing happened to failed; see " + log);
        }
        return run;
    }

    /** Enough cycles for the faults to fall into, and a checkpoint now and then. */
    private List<String> arguments(Path run, int port) {
        List<String> all = new ArrayList<>(List.of("distill", "--experiment", experiment, "--run", run.toString()));
        for (String setting : List.of(
                "serving.port=" + port,
                "experiment.cycles=[40, 30]",
                "experiment.recipe.batch=8",
                "experiment.grid-samples=0",
                "experiment.snapshot-every=0",
                "experiment.teacher-steps=2",
                "checkpoint.every=5",
                "supervision.restarts=20")) {
            all.addAll(List.of("--set", setting));
        }
        return all;
    }

    /** Below those that systems hand out, so that nobody takes it while the process that had it is started again. */
    private static int freePort(RandomGenerator random) throws IOException {
        while (true) {
            int port = random.nextInt(LEAST_PORT, HANDED_OUT_FROM);
            try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (BindException taken) {
                // Another, then.
            }
        }
    }
}
