package dev.sluice.runtime.report;

import dev.sluice.runtime.evaluation.Measure;
import dev.sluice.runtime.metric.Diversity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * What was measured of several sets of samples.
 *
 * @param settings what it was measured with, in the order of showing
 * @param entries references first
 */
public record Report(String title, Map<String, String> settings, List<Entry> entries) {
    /** What an entry stands for. */
    public enum Kind {
        /** Held-out data. */
        DATA,
        /** The teacher's samples, from other noise than the reference's: what a perfect student would measure. */
        TEACHER,
        /** Runs of one configuration. */
        RUNS
    }

    /**
     * One set of samples.
     *
     * @param source where it comes from, such as a run's folder
     */
    public record Sample(String source, Map<Measure, Double> measures) {
        public Sample {
            measures = Map.copyOf(measures);
        }
    }

    /**
     * Sets that differ by their seed alone.
     *
     * @param samples one a seed, at least one
     * @param sheet some of the first set's samples, as a PNG
     */
    public record Entry(String name, Kind kind, List<Sample> samples, byte[] sheet) {
        public Entry {
            samples = List.copyOf(samples);
        }

        /** The values of a measure, one a set that has it. */
        public double[] values(Measure measure) {
            return samples.stream()
                    .map(sample -> sample.measures().get(measure))
                    .filter(value -> value != null)
                    .mapToDouble(Double::doubleValue)
                    .toArray();
        }

        /** The mean over the sets; empty when none has the measure. */
        public OptionalDouble mean(Measure measure) {
            return Arrays.stream(values(measure)).average();
        }
    }

    public Report {
        entries = List.copyOf(entries);
    }

    /** The measures that any entry has, in their order. */
    public Set<Measure> measures() {
        Set<Measure> measures = EnumSet.noneOf(Measure.class);
        entries.forEach(entry -> entry.samples()
                .forEach(sample -> measures.addAll(sample.measures().keySet())));
        return measures;
    }

    /** The entry of that name. */
    public Optional<Entry> entry(String name) {
        return entries.stream().filter(entry -> entry.name().equals(name)).findFirst();
    }

    /**
     * The same with the share of lost diversity that each run recovers, where the baseline lost any.
     *
     * @param baseline name of the entry that counts as 0; the teacher's counts as 1
     */
    public Report withRecovered(String baseline) {
        Optional<Entry> lost = entry(baseline);
        Optional<Entry> teacher = teacher();
        if (lost.isEmpty() || teacher.isEmpty()) {
            return this;
        }
        List<Entry> completed = new ArrayList<>();
        for (Entry entry : entries) {
            completed.add(entry.kind() == Kind.RUNS ? withRecovered(entry, teacher.get(), lost.get()) : entry);
        }
        return new Report(title, settings, completed);
    }

    /**
     * The mean that is best over the runs, where there are several and they differ.
     *
     * @param measure one without better and worse has none
     */
    public OptionalDouble best(Measure measure) {
        double[] means = entries.stream()
                .filter(entry -> entry.kind() == Kind.RUNS)
                .map(entry -> entry.mean(measure))
                .filter(OptionalDouble::isPresent)
                .mapToDouble(OptionalDouble::getAsDouble)
                .toArray();
        if (Arrays.stream(means).distinct().count() < 2) {
            return OptionalDouble.empty();
        }
        return switch (measure.better()) {
            case LOWER -> Arrays.stream(means).min();
            case HIGHER -> Arrays.stream(means).max();
            case AS_TEACHER ->
                nearest(means, teacher().map(entry -> entry.mean(measure)).orElse(OptionalDouble.empty()));
            case NEITHER -> OptionalDouble.empty();
        };
    }

    private Optional<Entry> teacher() {
        return entries.stream().filter(entry -> entry.kind() == Kind.TEACHER).findFirst();
    }

    private static OptionalDouble nearest(double[] values, OptionalDouble to) {
        return to.isEmpty()
                ? OptionalDouble.empty()
                : Arrays.stream(values)
                        .boxed()
                        .min(Comparator.comparingDouble(value -> Math.abs(value - to.getAsDouble())))
                        .map(OptionalDouble::of)
                        .orElse(OptionalDouble.empty());
    }

    private static Entry withRecovered(Entry entry, Entry teacher, Entry lost) {
        List<Sample> completed = new ArrayList<>();
        for (Sample sample : entry.samples()) {
            Map<Measure, Double> measures = new EnumMap<>(sample.measures());
            recovered(sample, Measure.COSINE, teacher, lost)
                    .ifPresent(share -> measures.put(Measure.RECOVERED_COSINE, share));
            recovered(sample, Measure.MULTI_SCALE_DISTANCE, teacher, lost)
                    .ifPresent(share -> measures.put(Measure.RECOVERED_MULTI_SCALE, share));
            recovered(sample, Measure.COVERAGE_OF_TEACHER, teacher, lost)
                    .ifPresent(share -> measures.put(Measure.RECOVERED_COVERAGE, share));
            completed.add(new Sample(sample.source(), measures));
        }
        return new Entry(entry.name(), entry.kind(), completed, entry.sheet());
    }

    private static OptionalDouble recovered(Sample sample, Measure measure, Entry teacher, Entry lost) {
        Double value = sample.measures().get(measure);
        OptionalDouble whole = teacher.mean(measure);
        OptionalDouble none = lost.mean(measure);
        boolean wasLost = whole.isPresent()
                && none.isPresent()
                && (measure == Measure.COSINE
                        ? none.getAsDouble() > whole.getAsDouble()
                        : none.getAsDouble() < whole.getAsDouble());
        return value == null || !wasLost
                ? OptionalDouble.empty()
                : OptionalDouble.of(Diversity.recovered(whole.getAsDouble(), none.getAsDouble(), value));
    }
}
