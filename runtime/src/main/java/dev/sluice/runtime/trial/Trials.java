package dev.sluice.runtime.trial;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.file.Durable;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.NetworkFileException;
import dev.sluice.runtime.network.TorchNetworks;
import dev.sluice.runtime.network.TrialReport;
import dev.sluice.runtime.network.TrialReport.Part;
import dev.sluice.runtime.network.TwoExperts;
import dev.sluice.runtime.network.TwoExpertsFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Tries network files, each in a child process with a limit of time and of memory: a file that aborts, takes all memory or
 * never returns costs the child. What came out is remembered for exactly these bytes, in memory and, where it does not
 * depend on the limits, in a small file beside the engine's cache, so that a known teacher costs its hash.
 *
 * <p>Thread-safe, and blocks: for as long as the limit says, and behind another trial, since one child runs at a time.
 */
public final class Trials {
    /** Counts up when another version would find something else. */
    private static final String FORMAT = "1";

    private static final int REMEMBERED = 256;
    private static final long MIB = 1L << 20;
    /** Libtorch, this JVM and a small network; more comes with the file. */
    private static final long LEAST_MEMORY = 2048 * MIB;

    private static final int FILE_SIZES = 16;
    private static final long A_SECOND_MORE = 32 * MIB;
    private static final long HEAP_MIB = 96;
    /** Addresses that a JVM and libtorch reserve without using them. */
    private static final long RESERVED = 8192 * MIB;

    private static final long LOOK_EVERY_MILLIS = 20;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What a limit decided may have been the machine's doing: it is believed for so long, and then tried again. */
    private static final Duration BELIEVED = Duration.ofMinutes(10);

    private static final Map<String, Known> KNOWN = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Known> eldest) {
            return size() > REMEMBERED;
        }
    };

    /**
     * How much a child may use.
     *
     * @param within its whole time; a large file has a second more for every 32 MiB
     * @param memory in bytes, when the network is small; a larger file may use a multiple of its size
     * @param most memory, in bytes, whatever the file
     * @param threads that one operation may use
     */
    public record Limits(Duration within, long memory, long most, int threads) {}

    /** @param definite whether the file alone decided it, and neither the limits nor the machine */
    private record Ended(TrialReport report, boolean definite) {}

    /** @param since by {@link System#nanoTime} */
    private record Known(Ended ended, long since) {
        boolean isOld() {
            return !ended.definite() && System.nanoTime() - since > BELIEVED.toNanos();
        }
    }

    private Trials() {}

    /**
     * Tries a network file, or both of the two that a file of two experts names, unless that was done before.
     *
     * @throws NetworkFileException when it is missing, torn or no network file, or too large to be tried
     * @throws IllegalStateException when no child could be started, or libtorch does not load: no fault of the file
     */
    public static TrialReport of(Path file, Limits limits) {
        if (!TwoExpertsFile.isOne(file)) {
            return one(NetworkFile.reference("teacher", file), 0, 1, limits);
        }
        TwoExperts two = TwoExpertsFile.read(file);
        return named(two.highNoise(), one(two.highNoise(), two.boundary(), 1, limits))
                .and(named(two.lowNoise(), one(two.lowNoise(), 0, two.boundary(), limits)));
    }

    /** With the part's file in front of what is wrong with it. */
    private static TrialReport named(ExpertRef part, TrialReport report) {
        TrialReport all = report;
        for (Part p : List.of(Part.EVALUATION, Part.WITHOUT_CLASS, Part.TRAINING)) {
            String problem = problem(report, p);
            all = problem.isEmpty() ? all : all.with(p, part.version() + " (" + part.path() + "): " + problem);
        }
        return all;
    }

    private static String problem(TrialReport report, Part part) {
        return switch (part) {
            case ENGINE -> "";
            case EVALUATION -> report.evaluation();
            case WITHOUT_CLASS -> report.withoutClass();
            case TRAINING -> report.training();
        };
    }

    private static TrialReport one(ExpertRef ref, double earliest, double latest, Limits limits) {
        String name = ref.sha256() + "-" + earliest + "-" + latest + "-" + FORMAT + ".json";
        Optional<TrialReport> known = known(name);
        return known.isPresent() ? known.get() : tryOne(name, ref, earliest, latest, limits);
    }

    /** Never waits for a trial: whoever has a teacher that is known is not held up by another's that is endless. */
    private static Optional<TrialReport> known(String name) {
        synchronized (KNOWN) {
            Known known = KNOWN.get(name);
            if (known != null && !known.isOld()) {
                return Optional.of(known.ended().report());
            }
            TrialReport kept = recall(name);
            if (kept != null) {
                KNOWN.put(name, new Known(new Ended(kept, true), System.nanoTime()));
            }
            return Optional.ofNullable(kept);
        }
    }

    private static synchronized TrialReport tryOne(
            String name, ExpertRef ref, double earliest, double latest, Limits limits) {
        Optional<TrialReport> meanwhile = known(name);
        if (meanwhile.isPresent()) {
            return meanwhile.get();
        }
        NetworkFile.readCard(Path.of(ref.path()));
        Ended ended = tried(ref, earliest, latest, limits);
        if (ended.definite()) {
            keep(name, ended.report());
        }
        synchronized (KNOWN) {
            KNOWN.put(name, new Known(ended, System.nanoTime()));
        }
        return ended.report();
    }

    private static Path kept(String name) {
        return TorchNetworks.cacheFolder().resolve("sluice-trials").resolve(name);
    }

    /** Null when it was not kept, or cannot be read: then it is tried again. */
    private static TrialReport recall(String name) {
        try {
            return JSON.readValue(Files.readAllBytes(kept(name)), TrialReport.class);
        } catch (IOException e) {
            return null;
        }
    }

    private static void keep(String name, TrialReport report) {
        try {
            Files.createDirectories(kept(name).getParent());
            Durable.write(kept(name), out -> out.write(JSON.writeValueAsBytes(report)));
        } catch (IOException e) {
            // Then the next process tries it once more.
        }
    }

    /** Tries one network file, not one that names two, whatever is remembered of it. */
    public static TrialReport now(ExpertRef ref, Limits limits) {
        return tried(ref, 0, 1, limits).report();
    }

    private static Ended tried(ExpertRef ref, double earliest, double latest, Limits limits) {
        long memory = Math.min(limits.most(), Math.max(limits.memory(), LEAST_MEMORY + FILE_SIZES * ref.size()));
        String key = UUID.randomUUID().toString();
        List<String> arguments = List.of(
                key,
                ref.path(),
                Integer.toString(limits.threads()),
                Double.toString(earliest),
                Double.toString(latest));
        Process child;
        try {
            child = new ProcessBuilder(command(ref.size(), memory, arguments))
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException e) {
            throw new IllegalStateException(
                    "no process can be started to try " + ref.path() + ": " + e.getMessage(), e);
        }
        try {
            return watched(child, ref, key, memory, limits);
        } finally {
            child.destroyForcibly();
        }
    }

    private static List<String> command(long fileSize, long memory, List<String> arguments) {
        List<String> java = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xms" + HEAP_MIB + "m",
                // A parameter passes over the heap when an optimizer is made; the largest has at most the file's size.
                "-Xmx" + (HEAP_MIB + fileSize / MIB) + "m",
                "-XX:+AlwaysPreTouch",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData",
                "-XX:CompressedClassSpaceSize=64m",
                "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=/dev/null",
                "-Djava.awt.headless=true"));
        System.getProperties().stringPropertyNames().stream()
                .filter(name -> name.startsWith("ai.djl.") || name.equals("java.library.path"))
                .sorted()
                .forEach(name -> java.add("-D" + name + "=" + System.getProperty(name)));
        java.addAll(List.of("-cp", System.getProperty("java.class.path"), TrialProcess.class.getName()));
        java.addAll(arguments);
        if (!Files.isExecutable(Path.of("/bin/bash"))) {
            return java;
        }
        List<String> bounded = new ArrayList<>(List.of(
                "/bin/bash", "-c", "ulimit -c 0; ulimit -v " + (memory + RESERVED) / 1024 + "; exec \"$@\"", "trial"));
        bounded.addAll(java);
        return bounded;
    }

    private static Ended watched(Process child, ExpertRef ref, String key, long memory, Limits limits) {
        Heard heard = new Heard(key);
        Thread reading = new Thread(() -> heard.read(child), "trial");
        reading.setDaemon(true);
        reading.start();
        // It is opened four times, and hashed and read each time.
        Duration within = limits.within().plusSeconds(ref.size() / A_SECOND_MORE);
        long end = System.nanoTime() + within.toNanos();
        try {
            while (!child.waitFor(LOOK_EVERY_MILLIS, TimeUnit.MILLISECONDS)) {
                if (System.nanoTime() - end > 0) {
                    return new Ended(
                            heard.failing(
                                    ref,
                                    "does not return: it was stopped after " + within.toSeconds()
                                            + " s (node.trial-within)"),
                            false);
                }
                if (resident(child) > memory) {
                    return new Ended(
                            heard.failing(
                                    ref,
                                    "takes more than " + Bytes.text(memory)
                                            + " of memory, all that its trial may use: it was stopped"),
                            false);
                }
            }
            reading.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while " + ref.path() + " was tried", e);
        }
        return child.exitValue() == 0
                ? new Ended(heard.report(), true)
                : new Ended(heard.failing(ref, "ends the process (" + ending(child.exitValue()) + ")"), true);
    }

    private static String ending(int code) {
        return switch (code) {
            case 134 -> "it aborts, code 134";
            case 136 -> "arithmetic error, code 136";
            case 137 -> "it was killed, code 137; perhaps for want of memory";
            case 139 -> "memory error, code 139";
            default -> "code " + code;
        };
    }

    /** Bytes; 0 where the system does not tell. */
    private static long resident(Process child) {
        try {
            String[] pages = Files.readString(Path.of("/proc", Long.toString(child.pid()), "statm"))
                    .split(" ");
            return Long.parseLong(pages[1]) * 4096;
        } catch (IOException | RuntimeException e) {
            return 0;
        }
    }

    /** What the child has said so far. */
    private static final class Heard {
        private final String key;
        private Part part = Part.ENGINE;
        private String doing = "starting";
        private TrialReport report = TrialReport.NOTHING_YET;

        Heard(String key) {
            this.key = key;
        }

        void read(Process child) {
            try (BufferedReader lines = child.inputReader(StandardCharsets.UTF_8)) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    take(line);
                }
            } catch (IOException e) {
                // Its process is gone, and how it ended says the rest.
            }
        }

        private synchronized void take(String text) {
            try {
                TrialProcess.Line line = JSON.readValue(text, TrialProcess.Line.class);
                if (!key.equals(line.key())) {
                    return;
                }
                part = line.part();
                doing = line.doing();
                report = line.report() == null ? report : line.report();
            } catch (JsonProcessingException e) {
                // The network printed something.
            }
        }

        synchronized TrialReport report() {
            return report;
        }

        /** What was found, with what then happened. */
        synchronized TrialReport failing(ExpertRef ref, String how) {
            if (part == Part.ENGINE) {
                throw new IllegalStateException("libtorch cannot be used to try " + ref.path() + ": " + doing);
            }
            return report.with(part, doing + " " + how);
        }
    }
}
