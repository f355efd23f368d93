package dev.sluice.actors.experiments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.actors.fake.TrainedRun;
import dev.sluice.protocol.ExperimentStatus.State;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs of which something was damaged before they are resumed: what it costs, what is said, and that nothing is lost. */
class RunStartTest {
    @TempDir
    Path home;

    private TrainedRun run;

    @BeforeEach
    void train() throws IOException {
        run = new TrainedRun(home);
        run.begin(1);
        run.keep(1, 10);
        run.publish(1);
        run.begin(2);
        run.keep(2, 5);
        run.keep(2, 10);
    }

    @Test
    void aDamagedLogIsNamedAndTheRunGoesOn() throws IOException {
        List<String> lines = Files.readAllLines(run.folder.events());
        lines.set(2, lines.get(2).replace("\"type\"", "\"tyqe\""));
        lines.add("\0\0\0");
        Files.write(run.folder.events(), lines);

        RunStart start = RunStart.resumed(run.settings, run.folder);

        assertThat(start.from().orElseThrow().cycle()).isEqualTo(10);
        assertThat(start.epoch()).isEqualTo(2);
        assertThat(start.notes().get(0))
                .startsWith(run.folder.events() + ", line 3: not an event")
                .endsWith("; the run goes on without it");
        assertThat(start.notes().get(1)).startsWith(run.folder.events() + ", line " + lines.size());
        assertThat(SubmittedRuns.status(run.folder, run.settings).state())
                .as("a cluster takes it up as well")
                .isEqualTo(State.WAITING);
    }

    @Test
    void anEpochThatNobodyHandedOutTurnsNothingAround() throws IOException {
        Files.writeString(
                run.folder.events(),
                "{\"at\":\"2026-02-03T04:05:06Z\",\"type\":\"role-started\",\"epoch\":2147483647}\n",
                StandardOpenOption.APPEND);

        assertThat(RunStart.resumed(run.settings, run.folder).epoch()).isEqualTo(2);
        assertThat(SubmittedRuns.status(run.folder, run.settings).epoch()).isEqualTo(1);
    }

    @Test
    void aDamagedPartCostsItsCheckpointAndIsKept() throws IOException {
        TrainedRun.hurt(run.folder.checkpoints().resolve("phase-2-cycle-10/critic.safetensors"));

        RunStart start = RunStart.resumed(run.settings, run.folder);

        assertThat(start.from().orElseThrow().cycle()).isEqualTo(5);
        assertThat(start.notes().get(0))
                .contains("phase-2-cycle-10", "critic.safetensors: was altered", "it is kept as ")
                .endsWith("phase-2-cycle-10.ignored");
        assertThat(run.folder.checkpoints().resolve("phase-2-cycle-10.ignored/manifest.json"))
                .exists();
    }

    @Test
    void aDamagedExpertIsTheUsersToDecideAboutAndNothingChanges() throws IOException {
        byte[] whole = Files.readAllBytes(run.folder.expert(1));
        TrainedRun.hurt(run.folder.expert(1));
        Map<String, String> before = content();

        assertThatThrownBy(() -> RunStart.resumed(run.settings, run.folder))
                .isInstanceOf(RunStart.CannotResume.class)
                .hasMessageContaining(run.folder.expert(1) + ": was altered: its SHA-256 is ")
                .hasMessageContaining("put the file back as it was, and resume again; nothing was changed")
                .hasMessageContaining("to train again from phase 1, cycle 10: ./sluice resume --run "
                        + run.folder.root() + " --set-aside-damaged");
        assertThat(content()).isEqualTo(before);

        Files.write(run.folder.expert(1), whole);
        assertThat(RunStart.resumed(run.settings, run.folder)
                        .from()
                        .orElseThrow()
                        .phase())
                .isEqualTo(2);
    }

    @Test
    void whoSetsTheDamagedAsideTrainsAgainAndLosesNothing() throws IOException {
        TrainedRun.hurt(run.folder.expert(1));
        Map<String, String> before = content();

        RunStart start = RunStart.resumed(run.settings, run.folder, true);

        assertThat(start.from().orElseThrow().phase()).isEqualTo(1);
        assertThat(start.notes())
                .anyMatch(note -> note.contains("what was there is kept as ") && note.endsWith(".ignored"));
        assertThat(run.folder.expert(1)).doesNotExist();
        assertThat(content().values()).containsAll(before.values());
        assertThat(RunStart.log(run.folder).events())
                .extracting(event -> event.form().type())
                .endsWith("experts-set-aside");
    }

    @Test
    void aRunOfWhichEveryCheckpointIsHurtDoesNotBeginAgainByItself() throws IOException {
        for (String name : List.of("phase-1-cycle-10", "phase-2-cycle-5", "phase-2-cycle-10")) {
            Files.writeString(run.folder.checkpoints().resolve(name).resolve("manifest.json"), "{");
        }

        assertThatThrownBy(() -> RunStart.resumed(run.settings, run.folder))
                .isInstanceOf(RunStart.CannotResume.class)
                .hasMessageContaining("phase-2-cycle-10", "manifest.json: is not a manifest", "from the beginning");

        RunStart start = RunStart.resumed(run.settings, run.folder, true);
        assertThat(start.from()).isEmpty();
        assertThat(run.folder.checkpoints().resolve("phase-1-cycle-10.ignored")).exists();
    }

    @Test
    void aStartThatWasTakenBackIsNoDeathAndOneThatFailedHasNotBegun() throws IOException {
        RunStart.resumed(run.settings, run.folder).takeBack();
        Path teacher = run.settings.experiment().teacher();
        Path away = Files.move(teacher, teacher.resolveSibling("away"));
        assertThatThrownBy(() -> RunStart.resumed(run.settings, run.folder)).isInstanceOf(RuntimeException.class);
        Files.move(away, teacher);

        assertThat(RunStart.resumed(run.settings, run.folder).past().times()).isZero();
        assertThat(RunStart.resumed(run.settings, run.folder).past().times()).isOne();
    }

    /** Every file but those that a start makes, with what is in it. */
    private Map<String, String> content() throws IOException {
        Map<String, String> content = new TreeMap<>();
        try (Stream<Path> files = Files.walk(run.folder.root())) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                if (!file.startsWith(run.folder.epochs()) && !file.equals(run.folder.events())) {
                    content.put(file.toString(), new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1));
                }
            }
        }
        return content;
    }
}
