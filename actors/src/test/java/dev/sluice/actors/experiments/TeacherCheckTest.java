package dev.sluice.actors.experiments;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.config.Settings;
import dev.sluice.protocol.Role;
import dev.sluice.runtime.network.Architecture;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.trial.MemoryBudget;
import dev.sluice.runtime.trial.MemoryEstimate;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is refused of an experiment beside its teacher's trial, which has its own test. */
class TeacherCheckTest {
    private static final Path HOME = Path.of(System.getProperty("sluice.home"));
    private static final long GIB = 1L << 30;

    @TempDir
    Path folder;

    private static Settings quick(String... overrides) {
        List<String> all = new ArrayList<>(List.of("node.trial-within=0s"));
        all.addAll(List.of(overrides));
        return Settings.load("quick", all, HOME);
    }

    @Test
    void aRunsOwnExpertIsNoTeacher() throws IOException {
        Path expert = folder.resolve("expert.pt");
        NetworkCard card =
                NetworkFile.readCard(HOME.resolve("teachers/mixture-2d.pt")).ofExpert(1, List.of(1.0, 0.5), Map.of());
        NetworkFile.create(expert, new Architecture.VelocityMlp(8, 2), card, 1);

        assertThatThrownBy(() -> TeacherCheck.requireFits(quick("experiment.teacher=" + expert)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "the teacher " + expert + " is the distilled expert of phase 1 of a run, not a teacher; name"
                                + " the file that the run was distilled from");
    }

    @Test
    void batchesThatNoMessageHoldsAreRefusedWhereTheyMustTravel() {
        String[] between = {
            "node.roles=[control]",
            "node.port=25520",
            "experiment.recipe.batch=65536",
            "node.seeds=[\"127.0.0.1:25521\"]"
        };

        assertThatThrownBy(() -> TeacherCheck.requireFits(quick(between)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "experiment.recipe.batch = 65536 makes messages of 785 MiB with samples of 784 elements, and"
                                + " sluice.wire.max-message is 256 MiB; take a batch of at most 21371, or raise that on every"
                                + " node (docs/transport.md)");
        assertThatCode(() -> TeacherCheck.requireFits(quick("experiment.recipe.batch=65536")))
                .doesNotThrowAnyException();
    }

    private static MemoryEstimate needing(long bytes) {
        return new MemoryEstimate(Map.of(Role.CRITIC, bytes), 0);
    }

    @Test
    void aNodeThatPlaysEveryRoleHoldsTheWholeAgainstItsMemory() {
        Settings settings = quick("node.memory-gib=4");
        MemoryBudget budget = TeacherCheck.budget(settings.node());

        assertThatThrownBy(() -> TeacherCheck.requireRoom(settings, needing(5 * GIB), budget))
                .hasMessageStartingWith("experiment quick needs about 5.0 GiB (critic 5.0 GiB")
                .hasMessageContaining("and this node has 4.0 GiB; lower experiment.recipe.batch");
        assertThatCode(() -> TeacherCheck.requireRoom(settings, needing(3 * GIB), budget))
                .doesNotThrowAnyException();
    }

    @Test
    void aNodeThatOnlyControlsHoldsARoleAgainstWhatItIsToldOfTheOthers() {
        Settings told = quick("node.roles=[control]", "node.port=25520", "node.memory-gib=4");
        Settings untold = quick("node.roles=[control]", "node.port=25520");
        MemoryEstimate large = needing(5 * GIB);

        assertThatThrownBy(() -> TeacherCheck.requireRoom(told, large, TeacherCheck.budget(told.node())))
                .hasMessageStartingWith(
                        "the critic of experiment quick needs about 5.0 GiB of memory and a node has 4.0");
        assertThatCode(() -> TeacherCheck.requireRoom(untold, needing(1L << 50), TeacherCheck.budget(untold.node())))
                .doesNotThrowAnyException();
    }

    @Test
    void anExperimentThatFitsIsPromisedItsMemoryOnce() {
        Settings settings = quick("node.memory-gib=4");
        MemoryBudget budget = TeacherCheck.budget(settings.node());

        TeacherCheck.promiseRoom(settings, needing(2 * GIB), budget);
        TeacherCheck.promiseRoom(settings, needing(2 * GIB), budget);

        Settings other = quick("node.memory-gib=4", "experiment.name=other");
        assertThatThrownBy(() -> TeacherCheck.promiseRoom(other, needing(2 * GIB), budget))
                .hasMessageContaining("of which running experiments need about 2.0 GiB");
    }
}
