package dev.sluice.actors.cli;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A command of Sluice in a JVM of its own, started as this one was: so that what a run costs is that run's alone, and a
 * crash in one leaves the others. Ends when this process is told to end.
 */
final class RunProcess {
    /** Longer than a run takes to keep its last checkpoint. */
    private static final long ENDING_SECONDS = 150;

    private RunProcess() {}

    /**
     * Runs a command to its end.
     *
     * @param log gets everything that it says, after what is there
     * @return its exit code
     */
    static int run(List<String> arguments, Path log) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                // The bar is for terminals; the log is a file.
                .filter(argument -> !argument.startsWith("-Dsluice.terminal="))
                .forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), SluiceCommand.class.getName()));
        command.addAll(arguments);
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        Thread ending = new Thread(() -> end(process), "end-run");
        Runtime.getRuntime().addShutdownHook(ending);
        try {
            return process.waitFor();
        } finally {
            removeHook(ending);
        }
    }

    private static void end(Process process) {
        process.destroy();
        try {
            if (!process.waitFor(ENDING_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
        }
    }

    private static void removeHook(Thread ending) {
        try {
            Runtime.getRuntime().removeShutdownHook(ending);
        } catch (IllegalStateException e) {
            // This process is ending, and the hook is under way.
        }
    }
}
