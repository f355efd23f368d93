package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.monitoring.run.EventLog;
import dev.sluice.runtime.store.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs that are killed, stopped, or lose their disk, and are resumed: the weights must be those of a run that was never
 * touched, bit for bit (docs/guarantees.md: no-step-twice, whole-checkpoints, same-recipe).
 */
@Timeout(900)
class ResumeIT {
    private static final Duration PATIENCE = Duration.ofSeconds(120);
    private static final String[] MIXTURE = {
        "--experiment", "mixture-2d",
        // The whole budget takes minutes; a property of the build asks for it.
        "--set", "experiment.cycles=" + System.getProperty("sluice.resume.cycles", "[40, 40, 40, 40]"),
        "--set", "experiment.grid-samples=0",
        "--set", "experiment.snapshot-every=0",
        "--set", "checkpoint.every=3"
    };
    private static final String[] FASHION = {
        "--experiment", "fashion",
        "--set", "experiment.cycles=[6, 4]",
        "--set", "experiment.recipe.batch=8",
        "--set", "experiment.grid-samples=0",
        "--set", "experiment.snapshot-every=0",
        "--set", "experiment.teacher-steps=2",
        "--set", "checkpoint.every=2"
    };

    @TempDir
    Path folder;

    @Test
    @Tag("long")
    void killedTwentyTimesAtRandomMoments() throws Exception {
        Path untouched = finish(begin("untouched", MIXTURE), "untouched");
        int total = cyclesIn(untouched);
        long seed = Long.getLong("sluice.resume.seed", 1);
        Random random = new Random(seed);
        // Distinct and in order, so that every kill finds the run at work; the moment within a cycle is the clock's.
        List<Integer> moments =
                random.ints(0, total - 10).distinct().limit(20).sorted().boxed().toList();
        int kills = 0;
        for (int moment : moments) {
            try (Sluice sluice = kills == 0 ? begin("killed", MIXTURE) : resume("killed")) {
                // The records of the start before may have that cycle already: this one has begun, too.
                int started = kills + 1;
                Awaitility.await("cycle " + moment + ", seed " + seed)
                        .atMost(PATIENCE)
                        .pollInterval(Duration.ofMillis(1 + random.nextInt(40)))
                        .until(() -> {
                            assertThat(sluice.isAlive())
                                    .as(String.join("\n", sluice.output()))
                                    .isTrue();
                            return cyclesIn(folder.resolve("killed")) > moment && epochs("killed") == started;
                        });
                sluice.kill();
                kills++;
            }
        }
        assertThat(kills).isEqualTo(20);

        Path killed = finish(resume("killed"), "killed");

        assertSameResult(killed, untouched, 4);
        // Every start has an epoch of its own.
        assertThat(epochs(killed.getFileName().toString())).isEqualTo(21);
    }

    /** That a phase was begun or gone on with in. */
    private long epochs(String run) throws IOException {
        Path log = folder.resolve(run).resolve("events.jsonl");
        return !Files.exists(log)
                ? 0
                : EventLog.read(log).events().stream()
                        .filter(event -> event.form().type().equals("phase-begun"))
                        .map(event -> ((Number) event.form().fields().get("epoch")).intValue())
                        .distinct()
                        .count();
    }

    @Test
    @Tag("long")
    void killedInEachPhaseOfFashion() throws Exception {
        Path untouched = finish(begin("untouched", FASHION), "untouched");
        for (int moment : List.of(3, 7)) {
            try (Sluice sluice = moment == 3 ? begin("killed", FASHION) : resume("killed")) {
                Awaitility.await("cycle " + moment)
                        .atMost(PATIENCE)
                        .pollInterval(Duration.ofMillis(20))
                        .until(() -> cyclesIn(folder.resolve("killed")) > moment);
                sluice.kill();
            }
            assertThat(cyclesIn(folder.resolve("killed"))).isBetween(moment + 1, 9);
        }

        assertSameResult(finish(resume("killed"), "killed"), untouched, 2);
        try (Sluice sluice = resume("killed")) {
            assertThat(sluice.exitCode(PATIENCE)).isZero();
            assertThat(String.join("\n", sluice.output())).contains("the run is finished; serve it with");
        }
    }

    @Test
    void stoppedBySignalsAtCyclesWhereNoCheckpointIsDue() throws Exception {
        Path untouched = finish(begin("untouched", FASHION, "--set", "checkpoint.every=0"), "untouched");
        try (Sluice sluice = begin("stopped", FASHION, "--set", "checkpoint.every=0")) {
            awaitCycles(1, "stopped");
            sluice.terminate();
            assertThat(sluice.exitCode(PATIENCE)).isEqualTo(128 + 15);
            assertThat(String.join("\n", sluice.output()))
                    .containsPattern("stopped; ./sluice resume --run .*stopped goes on from phase 1, cycle [1-6]\n?");
        }
        EventLog.Reading log = EventLog.read(folder.resolve("stopped/events.jsonl"));
        assertThat(log.torn()).isEmpty();
        assertThat(log.events().stream()
                        .map(event -> event.form().type())
                        .filter(type -> !type.startsWith("request") && !type.equals("process-cost")))
                .endsWith("checkpoint-kept", "run-stopped");
        Records.assertLastCount(folder.resolve("stopped"));

        assertSameResult(finish(resume("stopped"), "stopped"), untouched, 2);
    }

    @Test
    @Tag("long")
    void whatIsTornIsIgnoredAndNamed() throws Exception {
        Path untouched = finish(begin("untouched", FASHION), "untouched");
        try (Sluice sluice = begin("torn", FASHION)) {
            // The checkpoint at cycle 4 is whole by then, and there is the one at cycle 2 to go back to.
            awaitCycles(5, "torn");
            sluice.kill();
        }
        Path newest = newestManifest(folder.resolve("torn")).getParent();
        Path part = newest.resolve("critic.safetensors");
        byte[] bytes = Files.readAllBytes(part);
        Files.write(part, Arrays.copyOf(bytes, bytes.length / 2));

        try (Sluice sluice = resume("torn")) {
            sluice.awaitLine(
                    "(ignored checkpoint " + newest.getFileName() + ": .*critic.safetensors: is torn)", PATIENCE);
            assertThat(sluice.exitCode(PATIENCE)).isZero();
        }
        assertSameResult(folder.resolve("torn"), untouched, 2);
    }

    @Test
    @Tag("long")
    void aFullDiskCostsCheckpointsButNotTheRun() throws Exception {
        Path untouched = finish(begin("untouched", FASHION), "untouched");
        Path disk = Files.createDirectory(folder.resolve("disk"));
        // One checkpoint of this teacher has 24 MB, an expert 3 MB: the second checkpoint does not fit beside the
        // first.
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", disk.toString()) == 0,
                "mounting a small file system needs root");
        try {
            Path full = disk.resolve("run");
            Path others = disk.resolve("others");
            try (Sluice sluice = begin("disk/run", FASHION)) {
                // There was room for the whole run when it began.
                Awaitility.await().atMost(PATIENCE).until(() -> Files.exists(full.resolve("config.conf")));
                Files.write(others, new byte[160 << 20]);
                sluice.awaitLine("(no checkpoint at phase 1, cycle 4: .*No space left on device)", PATIENCE);
                Awaitility.await().atMost(PATIENCE).until(() -> cyclesIn(full) > 4);
                sluice.kill();
            }
            assertThat(newestManifest(full).getParent().getFileName()).hasToString("phase-1-cycle-2");
            Files.delete(others);

            assertSameResult(finish(resume("disk/run"), "disk/run"), untouched, 2);
        } finally {
            run("umount", disk.toString());
        }
    }

    @Test
    void whatDeterminesTheWeightsMayNotChange() throws Exception {
        Path run = folder.resolve("run");
        // More cycles than could be done while the test looks on.
        try (Sluice sluice = begin("run", FASHION, "--set", "experiment.cycles=[4000, 4]")) {
            awaitCycles(2, "run");
            assertRefused("is being trained by another process", "resume", "--run", run.toString());
            sluice.terminate();
            sluice.exitCode(PATIENCE);
        }
        assertRefused(
                "a run cannot be resumed with another experiment.recipe.seed (was 1, is 2)",
                "resume",
                "--run",
                run.toString(),
                "--set",
                "experiment.recipe.seed=2");
        assertRefused("these may change: serving.*", "resume", "--run", run.toString(), "--set", "checkpoint.every=5");

        String config = Files.readString(run.resolve("config.conf"));
        Files.writeString(run.resolve("config.conf"), "\nexperiment.recipe.guidance = 3\n", StandardOpenOption.APPEND);
        assertRefused(
                "is of another configuration: another experiment.recipe.guidance (was 2.0, is 3.0)",
                "resume",
                "--run",
                run.toString());
        Files.writeString(run.resolve("config.conf"), config);

        int before = cyclesIn(run);
        try (Sluice sluice = resume("run", "--set", "checkpoint.keep=1", "--set", "serving.max-batch=8")) {
            awaitCycles(before + 2, "run");
            sluice.terminate();
            assertThat(sluice.exitCode(PATIENCE)).isEqualTo(128 + 15);
        }
        Records.assertHoldTogether(run);
    }

    @Test
    void aFolderThatIsNoRunIsRefused() throws Exception {
        assertRefused(
                "there is no folder",
                "resume",
                "--run",
                folder.resolve("nowhere").toString());
    }

    private Sluice begin(String name, String[] experiment, String... more) throws IOException {
        List<String> arguments = new ArrayList<>(
                List.of("distill", "--port", "0", "--run", folder.resolve(name).toString()));
        arguments.addAll(Arrays.asList(experiment));
        arguments.addAll(Arrays.asList(more));
        return Sluice.start(arguments.toArray(String[]::new));
    }

    private Sluice resume(String name, String... more) throws IOException {
        List<String> arguments = new ArrayList<>(
                List.of("resume", "--port", "0", "--run", folder.resolve(name).toString()));
        arguments.addAll(Arrays.asList(more));
        return Sluice.start(arguments.toArray(String[]::new));
    }

    private Path finish(Sluice sluice, String name) throws Exception {
        try (sluice) {
            int code = sluice.exitCode(Duration.ofMinutes(8));
            assertThat(code).as(String.join("\n", sluice.output())).isZero();
            Records.assertLastCount(folder.resolve(name));
            return folder.resolve(name);
        }
    }

    private void awaitCycles(int cycles, String name) {
        Awaitility.await(cycles + " cycles")
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> cyclesIn(folder.resolve(name)) >= cycles);
    }

    private static void assertRefused(String message, String... arguments) throws Exception {
        try (Sluice sluice = Sluice.start(arguments)) {
            assertThat(sluice.exitCode(PATIENCE)).isNotZero();
            assertThat(String.join("\n", sluice.output()))
                    .contains(message)
                    .doesNotContain("\tat ")
                    .doesNotContain("Exception");
        }
    }

    private static void assertSameResult(Path run, Path untouched, int phases) throws IOException {
        for (int k = 1; k <= phases; k++) {
            String expert = "experts/phase-" + k + ".pt";
            assertThat(Sha256.of(run.resolve(expert))).as(expert).isEqualTo(Sha256.of(untouched.resolve(expert)));
        }
        // Every cycle once, with the numbers that it had in the run that was never touched.
        assertThat(Records.numbers(run)).isEqualTo(Records.numbers(untouched));
        Records.assertHoldTogether(run);
    }

    private static int cyclesIn(Path run) throws IOException {
        Path metrics = run.resolve("metrics.csv");
        if (!Files.exists(metrics)) {
            return 0;
        }
        String text = new String(Files.readAllBytes(metrics), StandardCharsets.UTF_8);
        return Math.max(0, (int) text.chars().filter(c -> c == '\n').count() - 1);
    }

    private static Path newestManifest(Path run) throws IOException {
        try (Stream<Path> files = Files.walk(run.resolve("checkpoints"))) {
            return files.filter(file -> file.endsWith("manifest.json"))
                    .max((a, b) ->
                            Long.compare(a.toFile().lastModified(), b.toFile().lastModified()))
                    .orElseThrow();
        }
    }

    private static int run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.inputReader().lines().forEach(line -> {});
        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }
}
