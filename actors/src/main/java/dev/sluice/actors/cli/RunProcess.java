package dev.sluice.actors.cli;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A command of Sluice in a JVM of its own, started as this one was: so that what a run costs is that run's alone, and a
 * crash in one leaves the others. Ends when this process is told to end, and by itself when this process is gone.
 */
final class RunProcess {
    /** Longer than a run takes to keep its last checkpoint. */
    private static final long ENDING_SECONDS = 150;

    /** Process that this one was started by and must not outlive. */
    private static final String PARENT = "sluice.parent";

    private RunProcess() {}

    /**
     * Runs a command to its end.
     *
     * @param log gets everything that it says, after what is there
     * @return its exit code
     */
    static int run(List<String> arguments, Path log) throws IOException, InterruptedException {
        Process process = builder(arguments)
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

    /** A JVM like this one with other arguments, whose two streams are one. */
    static ProcessBuilder builder(List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                // The bar is for terminals; the output goes elsewhere.
                .filter(argument -> !argument.startsWith("-Dsluice.terminal=") && !argument.startsWith("-D" + PARENT))
                .forEach(command::add);
        command.add("-D" + PARENT + "=" + ProcessHandle.current().pid());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), SluiceCommand.class.getName()));
        command.addAll(arguments);
        return new ProcessBuilder(command).redirectErrorStream(true);
    }

    /** A process that was started by another one ends, in order, when that one is gone without a word. */
    static void endWithParent() {
        Long parent = Long.getLong(PARENT);
        if (parent != null) {
            ProcessHandle.of(parent)
                    .ifPresentOrElse(handle -> handle.onExit().thenRun(() -> System.exit(1)), () -> System.exit(1));
        }
    }

    /** Asks it to end, and makes it end when that takes too long. */
    static void end(Process process) {
        // Process.destroy would close our end of its output too.
        process.toHandle().destroy();
        try {
            if (!process.waitFor(ENDING_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
        }
    }

    static void removeHook(Thread ending) {
        try {
            Runtime.getRuntime().removeShutdownHook(ending);
        } catch (IllegalStateException e) {
            // This process is ending, and the hook is under way.
        }
    }
}
