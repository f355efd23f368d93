package dev.sluice.monitoring.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.EventLog.Event;
import dev.sluice.protocol.event.RunEvent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Logs written by hand: samplers that hold together, and each rule broken by itself. */
class RequestsCheckTest {
    private static final Instant AT = Instant.parse("2025-01-02T03:04:05Z");
    private static final String TEACHER = "teacher:t";
    private static final String FIRST = "phase-1:one";
    private static final String MIXED = FIRST + " " + TEACHER;

    private final List<Event> log = new ArrayList<>();
    private final List<String> violations = new ArrayList<>();

    @Test
    void twoSamplersOneAfterTheOtherHoldTogether() {
        change("a", TEACHER);
        count("a", Map.of());
        serve("a", "r1", TEACHER);
        publish("phase-1", "one");
        change("a", MIXED);
        count("a", Map.of("accepted", 3L, "served", 1L, "open", 2L));
        serve("a", "r2", MIXED);
        countLast(
                "a",
                Map.of(
                        "accepted", 5L,
                        "served", 2L,
                        "cancelled", 1L,
                        "cancelled-client-left", 1L,
                        "failed", 2L,
                        "failed-deadline", 1L,
                        "failed-stopped", 1L,
                        "refused", 4L,
                        "refused-full", 4L));
        change("b", MIXED);
        serve("b", "r3", MIXED);
        count("b", Map.of("accepted", 1L, "served", 1L));

        assertThat(facts())
                .containsExactly(
                        "6 requests accepted by 2 samplers: 3 served, 1 cancelled, 2 failed, 0 open; 4 more refused",
                        "3 of the served ones and 4 counts looked at, over 3 changes of what serves");
        assertThat(violations).isEmpty();
    }

    @Test
    void whatIsNotRecordedIsSaidSo() {
        publish("phase-1", "one");

        assertThat(facts()).containsExactly("requests were not recorded");
        assertThat(violations).isEmpty();
    }

    @Test
    void aRequestServedByWhatWasReplacedBefore() {
        publish("phase-1", "one");
        change("a", TEACHER);
        change("a", MIXED);
        serve("a", "r", TEACHER);

        assertBroken("served-live: request r was served by teacher:t while phase-1:one teacher:t was in force at a");
    }

    @Test
    void aRequestServedByWhatIsInForceElsewhere() {
        publish("phase-1", "one");
        change("a", TEACHER);
        change("b", MIXED);
        serve("a", "r", MIXED);

        assertBroken("served-live: request r was served by phase-1:one teacher:t while teacher:t was in force at a");
    }

    @Test
    void anExpertThatWasNotPublished() {
        change("a", MIXED);

        assertBroken("served-live: a served phase-1:one, which was not published before");
    }

    @Test
    void anExpertThatWasPublishedAsSomethingElse() {
        publish("phase-1", "other");
        change("a", MIXED);

        assertBroken("served-live: a served phase-1:one, which was not published before");
    }

    @Test
    void anExpertThatWasPublishedTooLate() {
        change("a", MIXED);
        publish("phase-1", "one");

        assertBroken("served-live: a served phase-1:one, which was not published before");
    }

    @Test
    void aRequestThatIsNowhere() {
        count("a", Map.of("accepted", 7L, "served", 3L, "open", 3L));

        assertBroken("requests-accounted: a at 2025-01-02T03:04:05Z accepted 7 requests, but 3 served, 0 cancelled,"
                + " 0 failed and 3 open are 6");
    }

    @Test
    void aFailureWithoutAReason() {
        count("a", Map.of("accepted", 2L, "failed", 2L, "failed-deadline", 1L));

        assertBroken("requests-accounted: a at 2025-01-02T03:04:05Z counts 2 failed, but has reasons for 1");
    }

    @Test
    void aCancellationWithoutAReason() {
        count("a", Map.of("accepted", 1L, "cancelled", 1L));

        assertBroken("requests-accounted: a at 2025-01-02T03:04:05Z counts 1 cancelled, but has reasons for 0");
    }

    @Test
    void aCountThatFalls() {
        count("a", Map.of("accepted", 2L, "served", 2L));
        count("b", Map.of("accepted", 1L, "served", 1L));
        count("a", Map.of("accepted", 2L, "served", 1L, "open", 1L));

        assertBroken("requests-accounted: a at 2025-01-02T03:04:05Z counts 1 served after it had counted 2");
    }

    @Test
    void aReasonThatIsForgotten() {
        count("a", Map.of("refused", 1L, "refused-full", 1L));
        count("a", Map.of("refused", 1L, "refused-deadline", 1L));

        assertBroken("requests-accounted: a at 2025-01-02T03:04:05Z counts 0 refused-full after it had counted 1");
    }

    @Test
    void moreToldOfOneByOneThanServed() {
        change("a", TEACHER);
        serve("a", "r1", TEACHER);
        serve("a", "r2", TEACHER);
        count("a", Map.of("accepted", 1L, "served", 1L));

        assertBroken("requests-accounted: a at 2025-01-02T03:04:05Z counts 1 served, but told of 2 one by one");
    }

    @Test
    void requestsLeftOpenAtTheEnd() {
        countLast("a", Map.of("accepted", 1L, "open", 1L));

        assertBroken("requests-accounted: a at 2025-01-02T03:04:05Z ended and left 1 requests open");
    }

    @Test
    void aSamplerThatGoesOnAfterItsLastCount() {
        change("a", TEACHER);
        countLast("a", Map.of());
        serve("a", "r", TEACHER);

        assertBroken("requests-accounted: a told of request-served at 2025-01-02T03:04:05Z, after its last count");
    }

    @Test
    void aCountThatIsMissing() {
        log.add(new Event(AT, new RunEvent.RequestsCounted(9, "a", Map.of("accepted", 0L), false)));

        assertBroken("requests-accounted: a at 2025-01-02T03:04:05Z does not say how many were served");
    }

    /** A full disk, say: the flip, or the publication, may be among the lines that could not be written. */
    @Test
    void whatALogThatCouldNotBeWrittenLeavesOpenIsNoViolation() {
        change("a", TEACHER);
        serve("a", "r1", MIXED);
        log.add(new Event(AT, new RunEvent.RecordingResumed("events.jsonl", 3)));
        serve("a", "r2", MIXED);
        change("a", "phase-1:one phase-2:two");
        serve("a", "r3", TEACHER);

        assertThat(facts())
                .contains("2 served requests not looked at: lines of the log are missing or damaged before them");
        assertThat(violations)
                .containsExactly(
                        "served-live: request r3 was served by teacher:t while phase-1:one phase-2:two was in force at a");
    }

    @Test
    void anOutageOfAnotherFileExcusesNothing() {
        change("a", TEACHER);
        serve("a", "r1", MIXED);
        log.add(new Event(AT, new RunEvent.RecordingResumed("metrics.csv", 3)));

        assertBroken("served-live: request r1 was served by phase-1:one teacher:t while teacher:t was in force at a");
    }

    private void assertBroken(String violation) {
        facts();
        assertThat(violations).containsExactly(violation);
    }

    private List<String> facts() {
        RequestsCheck check =
                new RequestsCheck("events.jsonl", (guarantee, what) -> violations.add(guarantee + ": " + what));
        check.read(new EventLog.Reading(log, List.of(), Optional.empty()));
        return check.facts();
    }

    private void publish(String version, String sha256) {
        log.add(new Event(AT, new RunEvent.ExpertPublished(9, 1, version, sha256, "/" + version)));
    }

    private void change(String sampler, String experts) {
        log.add(new Event(AT, new RunEvent.ServingChanged(9, sampler, "m@" + experts, experts, "t")));
    }

    private void serve(String sampler, String request, String experts) {
        log.add(new Event(
                AT, new RunEvent.RequestServed(9, sampler, request, "m@" + experts, experts, 1, 4, 1, 1, 0, 0)));
    }

    /** @param told those that are not 0 */
    private void count(String sampler, Map<String, Long> told) {
        count(sampler, told, false);
    }

    private void countLast(String sampler, Map<String, Long> told) {
        count(sampler, told, true);
    }

    private void count(String sampler, Map<String, Long> told, boolean last) {
        Map<String, Long> counts = new HashMap<>();
        for (String name : List.of("accepted", "served", "cancelled", "failed", "refused", "open")) {
            counts.put(name, 0L);
        }
        counts.putAll(told);
        log.add(new Event(AT, new RunEvent.RequestsCounted(9, sampler, counts, last)));
    }
}
