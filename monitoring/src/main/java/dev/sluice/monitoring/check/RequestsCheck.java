package dev.sluice.monitoring.check;

import dev.sluice.monitoring.run.DamagedLine;
import dev.sluice.monitoring.run.EventLog;
import dev.sluice.monitoring.run.EventLog.Event;
import dev.sluice.protocol.event.EventForm;
import dev.sluice.protocol.event.RunEvent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What samplers told of their requests, read in the order of the log. {@link Guarantee#SERVED_LIVE}: a sampled request
 * names exactly the experts that were in force at its sampler, and those, the teacher apart, had been published. {@link
 * Guarantee#REQUESTS_ACCOUNTED}: at every count, what was accepted is served, cancelled or failed with a reason, or open;
 * no count ever falls; and a sampler that has ended leaves nothing open.
 *
 * <p>Samplers are told apart by their field {@code sampler}, which no two actors of any start share.
 */
final class RequestsCheck {
    private static final List<String> WITH_REASONS = List.of("cancelled", "failed", "refused");
    private static final List<String> COUNTS = List.of("accepted", "served", "cancelled", "failed", "refused", "open");

    /** Takes what breaks a guarantee. */
    @FunctionalInterface
    interface Violations {
        void broken(Guarantee guarantee, String what);
    }

    private static final class Sampler {
        /** Null before anything serves, or when that is not known. */
        private String experts;

        private boolean unknown;
        private long sampled;
        private Map<String, Long> counts = Map.of();
        private boolean ended;

        private long count(String name) {
            return counts.getOrDefault(name, 0L);
        }
    }

    private final Violations violations;
    private final String logFile;
    private final Map<String, Sampler> samplers = new LinkedHashMap<>();
    private final Set<String> published = new HashSet<>();
    private boolean publicationsMissing;
    private int changes;
    private int checked;
    private int unchecked;
    private int counted;

    /** @param logFile what the recorder calls the log of events */
    RequestsCheck(String logFile, Violations violations) {
        this.logFile = logFile;
        this.violations = violations;
    }

    void read(EventLog.Reading log) {
        List<Event> events = log.events();
        Iterator<DamagedLine> damaged = log.damaged().iterator();
        int damagedBefore = damaged.hasNext() ? damaged.next().before() : Integer.MAX_VALUE;
        for (int i = 0; i < events.size(); i++) {
            if (i >= damagedBefore) {
                linesAreMissing();
                while (damagedBefore <= i) {
                    damagedBefore = damaged.hasNext() ? damaged.next().before() : Integer.MAX_VALUE;
                }
            }
            // The recorder says that it writes again after the first line that it could write.
            if (i + 1 < events.size() && endsAnOutage(events.get(i + 1))) {
                linesAreMissing();
            }
            look(events.get(i));
        }
    }

    private void look(Event told) {
        if (told.event() instanceof RunEvent.ExpertPublished expert) {
            published.add(expert.version() + ":" + expert.sha256());
        } else if (told.event() instanceof RunEvent.ServingChanged change) {
            servingChanged(sampler(change.sampler(), told), change);
        } else if (told.event() instanceof RunEvent.RequestServed request) {
            requestServed(sampler(request.sampler(), told), request);
        } else if (told.event() instanceof RunEvent.RequestsCounted count) {
            requestsCounted(sampler(count.sampler(), told), count, told.at());
        }
    }

    /** What was looked at. */
    List<String> facts() {
        if (samplers.isEmpty()) {
            return List.of("requests were not recorded");
        }
        List<String> facts = new ArrayList<>();
        facts.add(sum("accepted") + " requests accepted by " + samplers.size() + " samplers: " + sum("served")
                + " served, " + sum("cancelled") + " cancelled, " + sum("failed") + " failed, " + sum("open")
                + " open; " + sum("refused") + " more refused");
        facts.add(checked + " of the served ones and " + counted + " counts looked at, over " + changes
                + " changes of what serves");
        if (unchecked > 0) {
            facts.add(
                    unchecked + " served requests not looked at: lines of the log are missing or damaged before them");
        }
        return facts;
    }

    private long sum(String name) {
        return samplers.values().stream().mapToLong(s -> s.count(name)).sum();
    }

    private void servingChanged(Sampler sampler, RunEvent.ServingChanged change) {
        changes++;
        sampler.experts = change.experts();
        sampler.unknown = false;
        for (String expert : change.experts().split(" ")) {
            boolean isTeacher = expert.endsWith(":" + change.teacher());
            if (!isTeacher && !publicationsMissing && !published.contains(expert)) {
                violations.broken(
                        Guarantee.SERVED_LIVE,
                        change.sampler() + " served " + expert + ", which was not published before");
            }
        }
    }

    private void requestServed(Sampler sampler, RunEvent.RequestServed request) {
        sampler.sampled++;
        if (sampler.unknown) {
            unchecked++;
            return;
        }
        checked++;
        if (!request.experts().equals(sampler.experts)) {
            violations.broken(
                    Guarantee.SERVED_LIVE,
                    "request " + request.request() + " was served by " + request.experts() + " while "
                            + (sampler.experts == null ? "nothing" : sampler.experts) + " was in force at "
                            + request.sampler());
        }
    }

    private void requestsCounted(Sampler sampler, RunEvent.RequestsCounted count, Instant at) {
        counted++;
        Map<String, Long> counts = new TreeMap<>(count.counts());
        String where = count.sampler() + " at " + at;
        for (String name : COUNTS) {
            if (!counts.containsKey(name)) {
                violations.broken(Guarantee.REQUESTS_ACCOUNTED, where + " does not say how many were " + name);
                return;
            }
        }
        balance(where, counts);
        for (String kind : WITH_REASONS) {
            reasons(where, kind, counts);
        }
        neverFalls(where, sampler.counts, counts);
        if (sampler.sampled > counts.get("served")) {
            violations.broken(
                    Guarantee.REQUESTS_ACCOUNTED,
                    where + " counts " + counts.get("served") + " served, but told of " + sampler.sampled
                            + " one by one");
        }
        if (count.last()) {
            sampler.ended = true;
            if (counts.get("open") != 0) {
                violations.broken(
                        Guarantee.REQUESTS_ACCOUNTED,
                        where + " ended and left " + counts.get("open") + " requests open");
            }
        }
        sampler.counts = counts;
    }

    private void balance(String where, Map<String, Long> counts) {
        long found = counts.get("served") + counts.get("cancelled") + counts.get("failed") + counts.get("open");
        if (counts.get("accepted") != found) {
            violations.broken(
                    Guarantee.REQUESTS_ACCOUNTED,
                    where + " accepted " + counts.get("accepted") + " requests, but " + counts.get("served")
                            + " served, " + counts.get("cancelled") + " cancelled, " + counts.get("failed")
                            + " failed and " + counts.get("open") + " open are " + found);
        }
    }

    private void reasons(String where, String kind, Map<String, Long> counts) {
        long named = counts.entrySet().stream()
                .filter(entry -> entry.getKey().startsWith(kind + "-"))
                .mapToLong(Map.Entry::getValue)
                .sum();
        if (named != counts.get(kind)) {
            violations.broken(
                    Guarantee.REQUESTS_ACCOUNTED,
                    where + " counts " + counts.get(kind) + " " + kind + ", but has reasons for " + named);
        }
    }

    private void neverFalls(String where, Map<String, Long> before, Map<String, Long> now) {
        for (Map.Entry<String, Long> entry : before.entrySet()) {
            long then = entry.getValue();
            long found = now.getOrDefault(entry.getKey(), 0L);
            if (found < then && !entry.getKey().equals("open")) {
                violations.broken(
                        Guarantee.REQUESTS_ACCOUNTED,
                        where + " counts " + found + " " + entry.getKey() + " after it had counted " + then);
            }
        }
    }

    /** What is missing may have been a change of what serves, or an expert's publication. */
    private void linesAreMissing() {
        publicationsMissing = true;
        samplers.values().forEach(sampler -> sampler.unknown = true);
    }

    private boolean endsAnOutage(Event told) {
        return told.event() instanceof RunEvent.RecordingResumed resumed && logFile.equals(resumed.file());
    }

    private Sampler sampler(String name, Event told) {
        Sampler sampler = samplers.computeIfAbsent(name, first -> {
            Sampler unheard = new Sampler();
            unheard.unknown = publicationsMissing;
            return unheard;
        });
        if (sampler.ended) {
            violations.broken(
                    Guarantee.REQUESTS_ACCOUNTED,
                    name + " told of " + EventForm.typeOf(told.event().getClass()) + " at " + told.at()
                            + ", after its last count");
        }
        return sampler;
    }
}
