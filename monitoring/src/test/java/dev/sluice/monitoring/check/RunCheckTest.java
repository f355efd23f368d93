package dev.sluice.monitoring.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.MetricsCsv;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.CriticReport;
import dev.sluice.protocol.CycleReport;
import dev.sluice.protocol.Role;
import dev.sluice.protocol.event.RunEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Records written by hand: one run that holds together, and each guarantee broken by itself. */
class RunCheckTest {
    private static final List<Integer> CYCLES = List.of(2, 1);

    @TempDir
    Path temp;

    private RunFolder run;

    @BeforeEach
    void create() {
        run = RunFolder.create(temp.resolve("run"), "a = 1");
    }

    @Test
    void aRunThatHoldsTogether() throws IOException {
        begin();
        started(1, "teacher", "c");
        started(1, "teacher", "d");
        started(2, "generator", "a");
        commit(1, 0, true);
        event(new RunEvent.CycleSkipped(1, 1, 1));
        commit(1, 1, false);
        published("phase-1", "one");
        published("phase-1", "one");
        commit(2, 0, true);
        published("phase-2", "two");
        event(new RunEvent.RunFinished(1, 3));

        RunCheck check = check();

        assertThat(check.violations()).isEmpty();
        assertThat(check.facts())
                .containsExactly(
                        "2 starts",
                        "3 of 3 cycles committed, the run is finished",
                        "2 experts published",
                        "requests were not recorded");
    }

    @Test
    void oneThatIsStillRunningHoldsTogetherToo() throws IOException {
        begin();
        commit(1, 0, true);
        Files.writeString(run.events(), "{\"at\":\"20", StandardOpenOption.APPEND);
        Files.writeString(run.metrics(), "1,1,0.", StandardOpenOption.APPEND);

        assertThat(check().violations()).isEmpty();
        assertThat(check().facts())
                .contains(
                        "the last line of the log is torn: {\"at\":\"20",
                        "1 of 3 cycles committed, the run is not finished");
    }

    @Test
    void twoOwnersOfARoleInOneEpoch() throws IOException {
        started(1, "critic", "a");
        started(1, "critic", "b");

        assertBroken("one-owner: the critic in epoch 1 was started more than once: [a, b]");
    }

    @Test
    void anEpochThatWasGivenTwice() throws IOException {
        started(3, "generator", "a");
        started(3, "generator", "a");

        assertBroken("one-owner: the generator in epoch 3 was started more than once: [a]");
    }

    @Test
    void aGap() throws IOException {
        begin();
        commit(1, 1, true);

        assertBroken("no-gap: phase 1, cycle 1 was committed where phase 1, cycle 0 was due");
    }

    @Test
    void aRepeat() throws IOException {
        begin();
        commit(1, 0, true);
        commit(1, 0, true);

        assertBroken("no-gap: phase 1, cycle 0 was committed where phase 1, cycle 1 was due");
    }

    @Test
    void aPhaseThatBeginsTooEarly() throws IOException {
        begin();
        published("phase-1", "one");
        commit(1, 0, true);
        commit(2, 0, true);

        assertBroken("no-gap: phase 2, cycle 0 was committed where phase 1, cycle 1 was due");
    }

    @Test
    void oneCycleTooMany() throws IOException {
        begin();
        published("phase-1", "one");
        commit(1, 0, true);
        commit(1, 1, true);
        commit(2, 0, true);
        commit(2, 1, true);

        assertBroken("no-gap: 4 cycles were committed, the budget is 3");
    }

    @Test
    void aFinishedRunWithCyclesMissing() throws IOException {
        begin();
        published("phase-1", "one");
        commit(1, 0, true);
        event(new RunEvent.RunFinished(1, 3));

        assertBroken("no-gap: the run is finished with 1 of 3 cycles committed");
    }

    @Test
    void aStepThatWasSkippedInSilence() throws IOException {
        begin();
        commit(1, 0, false);

        assertBroken("no-gap: phase 1, cycle 0 was skipped without a word");
    }

    @Test
    void anExpertThatWasAltered() throws IOException {
        published("phase-1", "one");
        Files.writeString(run.expert(1), "other");

        assertBroken(
                "published-as-said: phase-1 was published as sha of one, but " + run.expert(1) + " is sha of other");
    }

    @Test
    void anExpertThatIsGone() throws IOException {
        published("phase-1", "one");
        Files.delete(run.expert(1));

        assertBroken("published-as-said: phase-1 is not there any more: " + run.expert(1));
    }

    @Test
    void anExpertThatWasTrainedTwice() throws IOException {
        published("phase-1", "one");
        published("phase-1", "two");

        assertBroken("published-as-said: phase-1 was published as sha of one and then as sha of two");
    }

    @Test
    void aRequestThatAnExpertServedBeforeItWasInForce() throws IOException {
        event(new RunEvent.RequestServed(1, "s", "r", "m@phase-1", "phase-1:abc", 1, 4, 1, 1, 0, 0));

        assertBroken("served-live: request r was served by phase-1:abc while nothing was in force at s");
    }

    @Test
    void damagedRecordsAreNamedWithTheirLines() throws IOException {
        begin();
        commit(1, 0, true);
        Files.writeString(run.metrics(), "1,x,0\n", StandardOpenOption.APPEND);
        Files.writeString(run.events(), "{\"at\":7}\n", StandardOpenOption.APPEND);

        assertThat(check().violations())
                .extracting(RunCheck.Violation::toString)
                .containsExactly(
                        "undamaged: " + run.events()
                                + ", line 5: not an event with a time and a type, the line is damaged: {\"at\":7}",
                        "undamaged: " + run.metrics() + ", line 3: not a committed cycle: 1,x,0");
    }

    @Test
    void aRunThatWasCopiedChecksItsOwnFiles() throws IOException {
        begin();
        published("phase-1", "one");
        RunFolder original = run;
        run = RunFolder.create(temp.resolve("copy"), "a = 1");
        Files.copy(original.events(), run.events());
        Files.copy(original.expert(1), run.expert(1));

        assertThat(check().violations()).isEmpty();
        Files.writeString(run.expert(1), "other");
        assertBroken(
                "published-as-said: phase-1 was published as sha of one, but " + run.expert(1) + " is sha of other");
        Files.copy(original.expert(1), run.expert(1), StandardCopyOption.REPLACE_EXISTING);
        Files.delete(original.expert(1));
        assertThat(check().violations()).isEmpty();
    }

    @Test
    void aLogThatSaysNothingProvesNothing() throws IOException {
        begin();
        published("phase-1", "one");
        commit(1, 0, true);
        commit(1, 1, true);
        commit(2, 0, true);
        assertThat(check().violations()).isEmpty();
        Files.writeString(run.events(), "");

        assertThat(check().violations())
                .extracting(RunCheck.Violation::toString)
                .containsExactly(
                        "commits-explained: 3 cycles were committed, but the log tells of no generator that started",
                        "commits-explained: 3 cycles were committed, but the log tells of no critic that started",
                        "commits-explained: cycles of phase 1 were committed, but the log does not tell that it began",
                        "commits-explained: phase 1 is over, but the log tells of no expert that it published",
                        "commits-explained: cycles of phase 2 were committed, but the log does not tell that it began");
    }

    @Test
    void expertsThatWereSetAsideAreLookedForNoMore() throws IOException {
        published("phase-1", "one");
        published("phase-2", "two");
        event(new RunEvent.ExpertsSetAside(2));
        Files.delete(run.expert(2));
        assertThat(check().violations()).isEmpty();
        published("phase-2", "another two");
        assertThat(check().violations()).isEmpty();
    }

    @Test
    void anExpertOfNoPhase() throws IOException {
        event(new RunEvent.ExpertPublished(1, 3, "phase-1", "abc", "/phase-1.pt"));

        assertBroken("published-as-said: phase-1 was published, which is not the expert of phase 3");
    }

    private void assertBroken(String violation) throws IOException {
        assertThat(check().violations()).singleElement().hasToString(violation);
    }

    private RunCheck check() throws IOException {
        return RunCheck.of(run, CYCLES, file -> "sha of " + Files.readString(file));
    }

    private void begin() throws IOException {
        started(1, "generator", "a");
        started(1, "critic", "b");
        event(new RunEvent.PhaseBegun(1, 1, 1, 0.5, 0, 2));
        event(new RunEvent.PhaseBegun(1, 2, 0.5, 0, 0, 1));
    }

    private void started(int epoch, String role, String actor) throws IOException {
        event(new RunEvent.RoleStarted(epoch, Role.valueOf(role.toUpperCase(Locale.ROOT)), actor, "node", "cpu"));
    }

    private void published(String version, String content) throws IOException {
        int phase = version.equals("phase-1") ? 1 : 2;
        Path file = run.expert(phase);
        Files.writeString(file, content);
        event(new RunEvent.ExpertPublished(1, phase, version, "sha of " + content, file.toString()));
    }

    private void event(RunEvent event) throws IOException {
        try (EventLog log = new EventLog(run.events(), Clock.systemUTC())) {
            log.append(event);
        }
    }

    private void commit(int phase, int cycle, boolean stepped) throws IOException {
        try (MetricsCsv metrics = new MetricsCsv(run.metrics())) {
            metrics.append(new CycleReport(phase, cycle, new CriticReport(List.of(1.0), 0, 0), 1, 1, stepped), 1);
        }
    }
}
