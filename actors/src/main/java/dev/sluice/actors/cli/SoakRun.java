package dev.sluice.actors.cli;

import dev.sluice.config.Settings;
import dev.sluice.monitoring.check.RunCheck;
import dev.sluice.monitoring.run.MetricsCsv;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.Role;
import dev.sluice.runtime.store.Sha256;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One run with every role in a process of its own, some of which meet with faults; and what it must be like afterwards. */
final class SoakRun {
    private static final Pattern PROCESS = Pattern.compile("sluice: the (\\w+) is process (\\d+)");

    /** Longer than a run can take with all its faults. */
    private static final Duration PATIENCE = Duration.ofMinutes(15);

    private static final Duration LOOK_EVERY = Duration.ofMillis(100);

    private final Path run;
    private final PrintWriter out;
    private final Map<Role, Long> processes = new EnumMap<>(Role.class);
    private final List<String> broken = new ArrayList<>();

    SoakRun(Path run, PrintWriter out) {
        this.run = run;
        this.out = out;
    }

    /**
     * Carries the run out.
     *
     * @param arguments of {@code distill}
     * @param log of all of its processes
     * @param like an undisturbed run with the same settings
     * @return what went wrong; nothing, if all is well
     */
    List<String> carryOut(List<String> arguments, List<Fault> faults, int port, Path log, Path like)
            throws IOException, InterruptedException {
        Process process = RunProcess.builder(arguments).start();
        Thread ending = new Thread(() -> RunProcess.end(process), "end-run");
        Runtime.getRuntime().addShutdownHook(ending);
        Thread reader = new Thread(() -> read(process, log), "soak-log");
        reader.setDaemon(true);
        reader.start();
        try (SoakClient client = new SoakClient(port)) {
            disturb(process, faults);
            if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                broken.add("it was still going " + PATIENCE.toMinutes() + " minutes after the last fault");
            } else if (process.exitValue() != ExitCode.DONE) {
                broken.add("it ended with " + process.exitValue());
            }
            broken.addAll(client.violations());
            if (client.served() == 0) {
                broken.add("no request was served");
            }
            out.println("  " + client);
        } finally {
            RunProcess.end(process);
            RunProcess.removeHook(ending);
            reader.join(TimeUnit.SECONDS.toMillis(10));
        }
        compare(like);
        return broken;
    }

    private void read(Process process, Path log) {
        try (BufferedReader lines = process.inputReader();
                Writer to = Files.newBufferedWriter(log)) {
            for (String line; (line = lines.readLine()) != null; ) {
                to.write(line + "\n");
                to.flush();
                Matcher matcher = PROCESS.matcher(line);
                if (matcher.matches()) {
                    synchronized (processes) {
                        processes.put(
                                Role.valueOf(matcher.group(1).toUpperCase(Locale.ROOT)),
                                Long.parseLong(matcher.group(2)));
                    }
                }
            }
        } catch (IOException e) {
            synchronized (broken) {
                broken.add("its output broke off: " + e.getMessage());
            }
        }
    }

    private void disturb(Process process, List<Fault> faults) throws IOException, InterruptedException {
        long start = System.nanoTime();
        while (process.isAlive() && cycles() == 0) {
            Thread.sleep(LOOK_EVERY.toMillis());
        }
        for (Fault fault : faults) {
            if (process.waitFor(fault.after().toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
            Optional<Long> victim = process(fault.role());
            if (victim.isEmpty()) {
                continue;
            }
            out.println("  " + Duration.ofNanos(System.nanoTime() - start).toSeconds() + " s, cycle " + cycles() + ": "
                    + fault);
            out.flush();
            inflict(fault, victim.get());
        }
    }

    private Optional<Long> process(Role role) {
        synchronized (processes) {
            return Optional.ofNullable(processes.get(role))
                    .filter(pid -> ProcessHandle.of(pid).isPresent());
        }
    }

    private static void inflict(Fault fault, long victim) throws IOException, InterruptedException {
        switch (fault.kind()) {
            case KILL -> signal("KILL", victim);
            case LEAVE -> signal("TERM", victim);
            case SUSPEND -> {
                signal("STOP", victim);
                Thread.sleep(fault.suspended().toMillis());
                signal("CONT", victim);
            }
        }
    }

    /** A process that has just ended gets none. */
    private static void signal(String name, long pid) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, Long.toString(pid))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }

    private int cycles() throws IOException {
        Path metrics = run.resolve("metrics.csv");
        return Files.exists(metrics) ? MetricsCsv.read(metrics).size() : 0;
    }

    /** The records hold together, and the experts are the same to the last bit. */
    private void compare(Path like) throws IOException {
        RunFolder folder = RunFolder.open(run);
        List<Integer> cycles = Settings.read(folder.config()).experiment().cycles();
        RunCheck.of(folder, cycles, Sha256::of).violations().forEach(violation -> broken.add(violation.toString()));
        RunFolder undisturbed = RunFolder.open(like);
        for (int phase = 1; phase <= cycles.size(); phase++) {
            Path expert = folder.expert(phase);
            if (!Files.exists(expert)) {
                broken.add("the expert of phase " + phase + " is missing");
            } else if (!Sha256.of(expert).equals(Sha256.of(undisturbed.expert(phase)))) {
                broken.add("the expert of phase " + phase + " is not that of the undisturbed run");
            }
        }
    }
}
