package dev.sluice.actors.system;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;

/** The command line in a process of its own, as the launcher starts it; its output is gathered line by line. */
final class Sluice implements AutoCloseable {
    /** Lines that are kept: a process that floods its log fails its own test, not the JVM of all. */
    private static final int MOST_LINES = 200_000;

    private final Process process;
    private final List<String> lines = new ArrayList<>();
    private final Thread reader;
    private volatile boolean expectedToEnd;

    private Sluice(Process process) {
        this.process = process;
        this.reader = new Thread(this::gather, "sluice-output");
        this.reader.setDaemon(true);
        this.reader.start();
    }

    static Sluice start(String... arguments) throws IOException {
        return startBehind(List.of(), arguments);
    }

    /** @param prefix a command that runs the one after it, in its own place */
    static Sluice startBehind(List<String> prefix, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-Dsluice.home=" + System.getProperty("sluice.home"),
                "-Dsluice.terminal=false",
                // The users' log configuration; the one for tests comes first on this class path.
                "-Dlogback.configurationFile="
                        + Path.of(System.getProperty("sluice.home"), "actors/src/main/resources/logback.xml"),
                "-Dai.djl.offline=true",
                "-Djava.awt.headless=true",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.sluice.actors.cli.SluiceCommand"));
        command.addAll(Arrays.asList(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("OMP_WAIT_POLICY", "passive");
        return new Sluice(builder.start());
    }

    private void gather() {
        try (BufferedReader output = process.inputReader()) {
            for (String line; (line = output.readLine()) != null; ) {
                synchronized (lines) {
                    if (lines.size() < MOST_LINES) {
                        lines.add(line);
                    }
                }
            }
        } catch (IOException e) {
            synchronized (lines) {
                lines.add("(output ended: " + e.getMessage() + ")");
            }
        }
    }

    /** Waits for a line that contains {@code regex}; its first group. */
    String awaitLine(String regex, Duration within) {
        Pattern pattern = Pattern.compile(regex);
        return Awaitility.await()
                .alias("a line with " + regex)
                .atMost(within)
                .until(
                        () -> {
                            for (String line : output()) {
                                Matcher matcher = pattern.matcher(line);
                                if (matcher.find()) {
                                    return matcher.group(1);
                                }
                            }
                            if (!process.isAlive()) {
                                throw new IllegalStateException(
                                        "ended with " + process.exitValue() + ": " + String.join("\n", output()));
                            }
                            return null;
                        },
                        found -> found != null);
    }

    /** Waits for the process to end; its exit code. */
    int exitCode(Duration within) throws InterruptedException {
        if (!process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException("still running after " + within + ": " + String.join("\n", output()));
        }
        reader.join(5000);
        return process.exitValue();
    }

    /** What it has printed so far, both streams. */
    List<String> output() {
        synchronized (lines) {
            return List.copyOf(lines);
        }
    }

    /** Whether the test has told it to end. */
    boolean isExpectedToEnd() {
        return expectedToEnd;
    }

    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Ctrl-C's and an orchestrator's way: asks the process to end. */
    void terminate() {
        expectedToEnd = true;
        // Process.destroy would close our end of its output too.
        process.toHandle().destroy();
    }

    /** As the kernel does when memory is short: at once, without a word to the process. */
    void kill() throws InterruptedException {
        expectedToEnd = true;
        process.destroyForcibly();
        int code = exitCode(Duration.ofSeconds(20));
        if (code != 128 + 9) {
            throw new IllegalStateException(
                    "was not killed but ended with " + code + ": " + String.join("\n", output()));
        }
    }

    /** Sends it a signal by its name, such as STOP or CONT. */
    void signal(String name) throws IOException, InterruptedException {
        signal(process.pid(), name);
    }

    static void signal(long pid, String name) throws IOException, InterruptedException {
        int code = new ProcessBuilder("kill", "-" + name, Long.toString(pid))
                .start()
                .waitFor();
        if (code != 0) {
            throw new IllegalStateException("process " + pid + " could not be sent " + name);
        }
    }

    /** The same for the processes that it has started too. */
    void killWithChildren() throws InterruptedException {
        List<ProcessHandle> children = process.descendants().toList();
        if (children.isEmpty()) {
            throw new IllegalStateException("there are no children to kill: " + String.join("\n", output()));
        }
        kill();
        children.forEach(ProcessHandle::destroyForcibly);
        Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> children.stream()
                .noneMatch(ProcessHandle::isAlive));
    }

    @Override
    public void close() {
        process.destroy();
        try {
            Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> !process.isAlive());
        } finally {
            process.destroyForcibly();
        }
    }
}
