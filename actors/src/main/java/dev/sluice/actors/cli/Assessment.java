package dev.sluice.actors.cli;

import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.data.Batch;
import dev.sluice.runtime.data.Dataset;
import dev.sluice.runtime.data.Datasets;
import dev.sluice.runtime.data.Mixture;
import dev.sluice.runtime.evaluation.Evaluation;
import dev.sluice.runtime.evaluation.ImageEvaluation;
import dev.sluice.runtime.evaluation.Measure;
import dev.sluice.runtime.evaluation.PointEvaluation;
import dev.sluice.runtime.image.SampleSheet;
import dev.sluice.runtime.network.ClassifierCard;
import dev.sluice.runtime.network.ImageClassifier;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.TorchNetworks;
import dev.sluice.runtime.report.HtmlReport;
import dev.sluice.runtime.report.JsonReport;
import dev.sluice.runtime.report.Report;
import dev.sluice.runtime.report.TextReport;
import dev.sluice.runtime.sampling.MixturePlan;
import dev.sluice.runtime.store.Safetensors;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What {@code evaluate} and {@code compare} share: how samples are drawn and measured, and the report of it. */
final class Assessment {
    /** Seeds of the reference; far from those of the samples that are judged. */
    private static final long REFERENCE_SEED = 1_000_000_000;

    private static final long JUDGED_SEED = 0;
    private static final int IMAGES_AT_ONCE = 100;
    private static final int POINTS_AT_ONCE = 1024;
    private static final int SHOWN_IMAGES = 60;
    private static final String HELD_OUT = "fashion-mnist-held-out";

    @Option(
            names = "--n",
            description = "Samples of each run, of the teacher and of the data. Default: 1000 images, 4096 points.")
    private Integer n;

    @Option(
            names = "--classifier",
            paramLabel = "FILE",
            description = "In whose features images are measured; train-classifier makes one. Default: the bundled one"
                    + " of Fashion-MNIST.")
    private Path classifierFile;

    @Option(
            names = "--data",
            paramLabel = "DATA",
            description = "Held-out images, such as fashion-mnist-held-out[:FOLDER], or none. Default: those of the"
                    + " teacher's data where Sluice knows them.")
    private String data;

    @Mixin
    private Device device;

    /** Runs that differ by their seed alone, under one name. */
    record Group(String name, List<FinishedRun> runs) {}

    /**
     * Measures finished runs beside their teacher.
     *
     * @param groups of runs of one teacher
     * @param baseline name of the group whose lost diversity counts as all there is to recover; empty for none
     * @param cache folder where the teacher's samples are kept, because they take longest; empty for none
     * @throws UserError when runs do not belong together
     */
    Report report(
            String title,
            List<Group> groups,
            Optional<String> baseline,
            Map<String, String> settings,
            Optional<Path> cache,
            PrintWriter out)
            throws IOException {
        FinishedRun first = groups.get(0).runs().get(0);
        groups.forEach(group -> group.runs().forEach(run -> requireOneTeacher(first, run)));
        groups.forEach(
                group -> group.runs().forEach(run -> run.notes().forEach(note -> out.println("sluice: " + note))));
        boolean images = first.plan().card().isImage();
        int count = n != null ? n : images ? 1000 : 4096;
        requireCount(count, images, first.plan().card());
        Optional<Batch> real = images ? heldOut(first, count, out) : Optional.empty();
        Path classifier = images ? requireClassifier(first) : null;
        TorchNetworks networks = device.networks();
        MixturePlan teacher = first.plan().teacherAlone();
        Batch reference = teacherSamples(networks, teacher, REFERENCE_SEED, count, cache, out);
        List<Report.Entry> entries = new ArrayList<>();
        try (ImageClassifier seeing = images ? networks.openClassifier(classifier) : null) {
            Evaluation evaluation = images
                    ? new ImageEvaluation(seeing, reference, real)
                    : new PointEvaluation(reference, mixture(first.plan()));
            real.ifPresent(batch -> {
                Map<Measure, Double> ofData = new EnumMap<>(evaluation.of(batch));
                ofData.keySet().removeAll(Measure.TO_DATA);
                entries.add(entry("held-out data", Report.Kind.DATA, List.of(sample("data", ofData)), batch));
            });
            Batch again = teacherSamples(networks, teacher, JUDGED_SEED, count, cache, out);
            Map<Measure, Double> ofTeacher = new EnumMap<>(evaluation.of(again));
            ofTeacher.put(Measure.NFE, (double) teacher.nfe());
            entries.add(entry("teacher", Report.Kind.TEACHER, List.of(sample("teacher", ofTeacher)), again));
            for (Group group : groups) {
                entries.add(entry(group, networks, evaluation, count, out));
            }
        }
        Report report = new Report(title, settings(settings, first, count, classifier, real.isPresent()), entries);
        return baseline.map(report::withRecovered).orElse(report);
    }

    /** Writes the report as HTML and JSON and says it on the terminal. */
    static void write(Report report, Path html, PrintWriter out) throws IOException {
        Files.createDirectories(html.toAbsolutePath().getParent());
        String name = html.getFileName().toString();
        String stem = name.endsWith(".html") ? name.substring(0, name.length() - 5) : name;
        Path json = html.resolveSibling(stem + ".json");
        HtmlReport.write(html, report);
        JsonReport.write(json, report);
        TextReport.lines(report).forEach(out::println);
        out.println("sluice: the report is " + html + ", its numbers are in " + json);
    }

    private static void requireOneTeacher(FinishedRun first, FinishedRun run) {
        MixturePlan plan = run.plan();
        if (!plan.card().sampleShape().equals(first.plan().card().sampleShape())
                || !plan.card().classNames().equals(first.plan().card().classNames())) {
            throw new UserError(run.root() + " is a run on other data: it makes samples "
                    + plan.card().sampleShape() + " of classes " + plan.card().classNames() + ", " + first.root()
                    + " makes " + first.plan().card().sampleShape() + " of "
                    + first.plan().card().classNames());
        }
        if (!plan.teacher().sha256().equals(first.plan().teacher().sha256())) {
            throw new UserError(run.root() + " has another teacher than " + first.root()
                    + "; compare runs of one teacher, everything is measured against it");
        }
        if (plan.guidance() != first.plan().guidance()
                || plan.teacherSteps() != first.plan().teacherSteps()) {
            throw new UserError(run.root() + " has its teacher sample with guidance " + plan.guidance() + " in "
                    + plan.teacherSteps() + " steps, " + first.root() + " with "
                    + first.plan().guidance() + " in " + first.plan().teacherSteps()
                    + "; compare runs with one teacher's samples");
        }
    }

    private static void requireCount(int count, boolean images, ModelCard card) {
        int classes = Math.max(1, card.classNames().size());
        int least = images ? Math.max(2 * classes, 100) : 2;
        if (count < least || count > 100_000) {
            throw new UserError("--n " + count + " must be between " + least + " and 100000");
        }
    }

    private Path requireClassifier(FinishedRun run) {
        Path file = classifierFile != null ? classifierFile : Home.folder().resolve("classifiers/fashion-mnist.pt");
        ClassifierCard card = ImageClassifier.readCard(file);
        ModelCard model = run.plan().card();
        if (!card.sampleShape().equals(model.sampleShape())
                || !card.classNames().equals(model.classNames())) {
            throw new UserError("the classifier " + file + " knows images " + card.sampleShape() + " of classes "
                    + card.classNames() + ", but " + run.root() + " makes " + model.sampleShape() + " of "
                    + model.classNames() + "; train one for them with train-classifier and name it with --classifier");
        }
        return file;
    }

    private Optional<Batch> heldOut(FinishedRun run, int count, PrintWriter out) throws IOException {
        boolean known = provenance(run.plan()).startsWith("fashion-mnist");
        if (data == null && !known || "none".equals(data)) {
            out.println("sluice: not measured against data: "
                    + (known ? "--data none" : "name some with --data DATA, Sluice knows none of this teacher's"));
            return Optional.empty();
        }
        Dataset dataset;
        try {
            dataset = Datasets.open(data != null ? data : HELD_OUT);
        } catch (IllegalArgumentException e) {
            throw new UserError("--data: " + e.getMessage());
        } catch (IOException e) {
            if (data != null) {
                throw e;
            }
            out.println("sluice: not measured against data: " + e.getMessage());
            return Optional.empty();
        }
        ModelCard model = run.plan().card();
        if (!dataset.sampleShape().equals(model.sampleShape())
                || !dataset.classNames().equals(model.classNames())) {
            throw new UserError("--data " + data + " has samples " + dataset.sampleShape() + " of classes "
                    + dataset.classNames() + ", but " + run.root() + " makes " + model.sampleShape() + " of "
                    + model.classNames());
        }
        if (dataset.size() < count) {
            throw new UserError("--n " + count + " is more than the " + dataset.size() + " images of --data");
        }
        return Optional.of(dataset.batch(IntStream.range(0, count).toArray()));
    }

    private static String provenance(MixturePlan plan) {
        return NetworkFile.readCard(Path.of(plan.teacher().path())).provenance().getOrDefault("data", "");
    }

    /** Known only where the teacher was trained on the grid of Gaussians. */
    private static Optional<Mixture> mixture(MixturePlan plan) {
        return provenance(plan).startsWith("mixture-2d") ? Optional.of(Mixture.grid(0)) : Optional.empty();
    }

    private static Report.Sample sample(String source, Map<Measure, Double> measures) {
        return new Report.Sample(source, measures);
    }

    private static Report.Entry entry(String name, Report.Kind kind, List<Report.Sample> samples, Batch shown) {
        int classes = (int) Arrays.stream(shown.labels().toLongs()).max().orElse(-1) + 1;
        boolean images = shown.x().rank() == 4;
        Tensor x = images ? shown.x().rows(0, Math.min(SHOWN_IMAGES, shown.size())) : shown.x();
        return new Report.Entry(
                name,
                kind,
                samples,
                SampleSheet.png(SampleSheet.draw(List.of(name), List.of(x), images && classes > 1 ? classes : 0)));
    }

    private static Report.Entry entry(
            Group group, TorchNetworks networks, Evaluation evaluation, int count, PrintWriter out) {
        List<Report.Sample> samples = new ArrayList<>();
        Batch shown = null;
        for (FinishedRun run : group.runs()) {
            say(out, "sluice: measuring " + run.root());
            Batch drawn = draw(networks, run.plan(), JUDGED_SEED, count);
            Map<Measure, Double> measures = new EnumMap<>(evaluation.of(drawn));
            measures.putAll(run.cost());
            samples.add(sample(run.root().toString(), measures));
            shown = shown == null ? drawn : shown;
        }
        return entry(group.name(), Report.Kind.RUNS, samples, shown);
    }

    private static Batch teacherSamples(
            TorchNetworks networks, MixturePlan plan, long firstSeed, int count, Optional<Path> cache, PrintWriter out)
            throws IOException {
        Map<String, String> identity = Map.of(
                "teacher",
                plan.teacher().sha256(),
                "steps",
                Integer.toString(plan.teacherSteps()),
                "guidance",
                Double.toString(plan.guidance()),
                "first-seed",
                Long.toString(firstSeed),
                "n",
                Integer.toString(count));
        Optional<Path> file = cache.map(folder -> folder.resolve("teacher-samples-" + firstSeed + ".safetensors"));
        if (file.isPresent() && Files.exists(file.get())) {
            Safetensors kept = Safetensors.read(file.get());
            if (kept.metadata().equals(identity)) {
                return new Batch(kept.tensors().get("samples"), kept.tensors().get("labels"));
            }
        }
        say(out, "sluice: drawing " + count + " samples of the teacher, " + plan.nfe() + " evaluations each");
        Batch drawn = draw(networks, plan, firstSeed, count);
        if (file.isPresent()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            tensors.put("samples", drawn.x());
            tensors.put("labels", drawn.labels());
            new Safetensors(tensors, identity).write(file.get());
        }
        return drawn;
    }

    /** Classes in turn; the label of a model without classes is −1. */
    private static Batch draw(TorchNetworks networks, MixturePlan plan, long firstSeed, int count) {
        int classes = plan.card().classNames().size();
        long[] labels = LongStream.range(0, count)
                .map(i -> classes == 0 ? -1 : i % classes)
                .toArray();
        long[] seeds = LongStream.range(firstSeed, firstSeed + count).toArray();
        int atOnce = plan.card().isImage() ? IMAGES_AT_ONCE : POINTS_AT_ONCE;
        try (dev.sluice.runtime.sampling.Mixture mixture = dev.sluice.runtime.sampling.Mixture.open(plan, networks)) {
            return new Batch(mixture.sample(seeds, labels, Math.min(atOnce, count)), Tensor.of(labels, count));
        }
    }

    private static Map<String, String> settings(
            Map<String, String> more, FinishedRun first, int count, Path classifier, boolean withData) {
        Map<String, String> settings = new LinkedHashMap<>(more);
        MixturePlan plan = first.plan();
        settings.put(
                "teacher", plan.teacher().path() + ", " + plan.teacherSteps() + " steps, guidance " + plan.guidance());
        settings.put("timesteps", plan.phases().timesteps().toString());
        settings.put(
                "samples",
                count + " of each, seeds from " + JUDGED_SEED + "; the teacher's reference from " + REFERENCE_SEED);
        if (classifier != null) {
            Map<String, String> made = ImageClassifier.readCard(classifier).provenance();
            settings.put(
                    "features",
                    "of " + classifier.getFileName() + ", accuracy "
                            + made.getOrDefault("accuracy", "unknown")
                            + "; a small classifier of this data alone: its numbers cannot be compared with Inception's"
                            + " or DINO's");
            settings.put("data", withData ? "held out, the first " + count : "not measured");
        }
        return settings;
    }

    private static void say(PrintWriter out, String line) {
        out.println(line);
        out.flush();
    }
}
