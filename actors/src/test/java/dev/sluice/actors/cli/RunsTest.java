package dev.sluice.actors.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.actors.fake.TrainedRun;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ExpertRef;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import dev.sluice.runtime.evaluation.Measure;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What serve, sample, evaluate and compare open is what the run says, in the folder that they were given. */
class RunsTest {
    private static final String ALL = "control critic generator sampler teacher";

    @TempDir
    Path home;

    private TrainedRun run;
    private List<ExpertRef> experts;

    @BeforeEach
    void train() throws IOException {
        run = new TrainedRun(home);
        run.begin(1);
        ExpertRef first = run.publish(1);
        run.begin(2);
        run.keep(2, 5);
        experts = List.of(first, run.publish(2));
        finish();
    }

    @Test
    void theExpertsThatWerePublished() throws IOException {
        assertThat(Runs.finished(run.folder).experts()).isEqualTo(experts);
    }

    @Test
    void anAlteredExpertIsRefusedWithBothDigests() throws IOException {
        TrainedRun.hurt(run.folder.expert(2));

        assertThatThrownBy(() -> Runs.finished(run.folder))
                .isInstanceOf(UserError.class)
                .hasMessageContaining(run.folder.expert(2) + " is damaged, or another file: its SHA-256 is ")
                .hasMessageContaining("the run says " + experts.get(1).sha256() + "; put the file back");
    }

    @Test
    void aFinishedRunIsNotOfferedForServingWhenServeWouldRefuseIt() throws IOException {
        TrainedRun.hurt(run.folder.expert(2));
        StringWriter said = new StringWriter();
        PrintWriter out = new PrintWriter(said);

        int code =
                SluiceCommand.run(out, out, "resume", "--run", run.folder.root().toString());

        assertThat(said.toString()).contains(run.folder.expert(2) + " is damaged, or another file");
        assertThat(code).isEqualTo(1);
    }

    @Test
    void aMissingExpertIsNamed() throws IOException {
        Files.delete(run.folder.expert(1));

        assertThatThrownBy(() -> Runs.finished(run.folder))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(run.folder.expert(1) + " is missing: the run published it");
    }

    @Test
    void anotherTeacherIsRefused() throws IOException {
        String sha256 = run.teacher().sha256();
        Path other = Path.of(System.getProperty("sluice.home"), "teachers", "mixture-2d.pt");
        Files.write(run.settings.experiment().teacher(), Files.readAllBytes(other));

        assertThatThrownBy(() -> Runs.finished(run.folder))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("is not the one that the run was trained with")
                .hasMessageContaining("the run says " + sha256);
    }

    @Test
    void aTeacherIsComparedBeforeItIsOpened() throws IOException {
        Files.writeString(run.settings.experiment().teacher(), "no network");

        assertThatThrownBy(() -> Runs.finished(run.folder))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("is not the one that the run was trained with");
    }

    @Test
    void aCopyUsesItsOwnFiles() throws IOException {
        Path copy = home.resolve("copy");
        try (Stream<Path> files = Files.walk(run.folder.root())) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(run.folder.root().relativize(file)));
            }
        }
        TrainedRun.hurt(run.folder.expert(1));
        assertThat(Runs.finished(RunFolder.open(copy)).experts())
                .allSatisfy(expert -> assertThat(expert.path()).startsWith(copy.toString()));

        TrainedRun.hurt(copy.resolve("experts/phase-1.pt"));
        Files.writeString(run.folder.expert(1), "the expert of phase 1");
        assertThatThrownBy(() -> Runs.finished(RunFolder.open(copy))).hasMessageContaining("copy/experts/phase-1.pt");
    }

    @Test
    void aDamagedPublicationIsMadeGoodByACheckpointOrNamed() throws IOException {
        List<String> lines = Files.readAllLines(run.folder.events());
        Files.write(
                run.folder.events(),
                lines.stream()
                        .map(line -> line.replace(experts.get(0).sha256(), "\u0000"))
                        .toList());
        assertThat(Runs.finished(run.folder).experts()).isEqualTo(experts);

        Files.write(
                run.folder.events(),
                lines.stream()
                        .map(line -> line.contains("phase-2.pt") ? line.substring(1) : line)
                        .toList());
        assertThatThrownBy(() -> Runs.finished(run.folder))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("phase-2.pt is not used")
                .hasMessageContaining(run.folder.events() + ", line ");
    }

    @Test
    void aLogThatSaysNothingProvesNothing() throws IOException {
        Files.writeString(run.folder.events(), "");

        assertThatThrownBy(() -> Runs.finished(run.folder))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("phase-2.pt is not used: neither the run's events.jsonl nor a checkpoint says");
    }

    @Test
    void anExpertThatIsBeingPublishedIsNotThereYet() throws IOException {
        List<String> lines = Files.readAllLines(run.folder.events());
        Files.write(run.folder.events(), lines.subList(0, lines.size() - 2));

        assertThat(Runs.finished(run.folder).experts()).containsExactly(experts.get(0));
    }

    @Test
    void aDamagedLineIsNamedAndTheRunEvaluatedAllTheSame() throws IOException {
        Files.writeString(run.folder.events(), "{{\n", StandardOpenOption.APPEND);
        tellProcess(ALL, 1, 1);

        assertThat(FinishedRun.open(run.folder.root()).notes())
                .singleElement()
                .asString()
                .startsWith(run.folder.events() + ", line ")
                .endsWith("its cost may be told too low");
    }

    /** A process that was started and has come to its own end. */
    private void tellProcess(String roles, long mib, long seconds) throws IOException {
        run.tell(new RunEvent.Serving(1, "quick", "s"));
        run.tell(new RunEvent.ProcessCost(roles, OptionalLong.of(mib << 20), OptionalLong.of(seconds * 1000)));
    }

    /** As if the run had gone on until now. */
    private void takeBackThatItIsFinished() throws IOException {
        List<String> lines = Files.readAllLines(run.folder.events());
        Files.write(run.folder.events(), lines.subList(0, lines.size() - 1));
    }

    private void finish() throws IOException {
        run.tell(new RunEvent.RunFinished(1, 3));
    }

    private void assertCostUnknown(String why) throws IOException {
        FinishedRun opened = FinishedRun.open(run.folder.root());

        assertThat(opened.cost()).doesNotContainKeys(Measure.CPU_SECONDS, Measure.PEAK_MEMORY);
        assertThat(opened.notes())
                .singleElement()
                .asString()
                .startsWith("memory and processor time of " + run.folder.root() + " are not known: ")
                .contains(why);
    }

    private void assertCost(double mib, double seconds) throws IOException {
        FinishedRun opened = FinishedRun.open(run.folder.root());

        assertThat(opened.cost()).containsEntry(Measure.PEAK_MEMORY, mib).containsEntry(Measure.CPU_SECONDS, seconds);
        assertThat(opened.notes()).isEmpty();
    }

    @Test
    void theCostOfAProcessThatOnlyControlsIsNotThatOfTheTraining() throws IOException {
        tellProcess("control", 1, 1);

        assertCostUnknown("trained by several processes");
    }

    @Test
    void theCostOfOneProcessThatPlaysAllIs() throws IOException {
        tellProcess(ALL, 1, 1);

        assertCost(1, 1);
    }

    @Test
    void processesOneAfterTheOtherHaveTheSumOfTheirTimesAndTheHighestPeak() throws IOException {
        takeBackThatItIsFinished();
        tellProcess(ALL, 3, 1);
        finish();
        tellProcess(ALL, 2, 4);

        assertCost(3, 5);
    }

    @Test
    void withoutThatOfAProcessThatWasKilledNothingIsKnown() throws IOException {
        run.tell(new RunEvent.Serving(1, "quick", "s"));
        tellProcess(ALL, 1, 1);

        assertCostUnknown("a process that trained it did not write them down");
    }

    @Test
    void oneThatStoppedBeforeItServedDoesNotStandInForOneThatWasKilled() throws IOException {
        takeBackThatItIsFinished();
        run.tell(new RunEvent.ProcessCost(ALL, OptionalLong.of(1L << 20), OptionalLong.of(1)));
        run.tell(new RunEvent.Serving(1, "quick", "s"));
        finish();
        tellProcess(ALL, 1, 1);

        assertCostUnknown("a process that trained it did not write them down");
    }

    @Test
    void oneThatWasKilledBeforeItServedIsKnownByItsNode() throws IOException {
        run.tell(new RunEvent.RoleStarted(2, Role.CRITIC, "c", "b", "cpu"));
        tellProcess(ALL, 1, 1);

        assertCostUnknown("a process that trained it did not write them down");
    }

    @Test
    void aSamplerThatIsReplacedIsNoOtherProcess() throws IOException {
        run.tell(new RunEvent.Serving(1, "quick", "s"));
        run.tell(new RunEvent.RoleStopped(1, Role.SAMPLER, "s"));
        run.tell(new RunEvent.Serving(1, "quick", "t"));
        run.tell(new RunEvent.FaultSeen(1, "sampler", "it is stuck"));
        tellProcess(ALL, 1, 1);

        assertCost(1, 1);
    }

    @Test
    void whoServesAfterwardsDoesNotTrain() throws IOException {
        tellProcess(ALL, 1, 1);
        run.tell(new RunEvent.Serving(1, "quick", "s"));

        assertCost(1, 1);
    }

    @Test
    void aRunOfWhichNoProcessToldItsCost() throws IOException {
        assertCostUnknown("a process that trained it did not write them down");
    }

    @Test
    void trainersOnSeveralNodesAreSeveralProcesses() throws IOException {
        run.tell(new RunEvent.RoleStarted(1, Role.TEACHER, "t", "another", "cpu"));
        tellProcess(ALL, 1, 1);

        assertCostUnknown("trained by several processes");
    }
}
