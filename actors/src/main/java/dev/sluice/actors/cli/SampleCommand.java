package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.TeacherCheck;
import dev.sluice.actors.sampler.Classes;
import dev.sluice.config.NodeSettings;
import dev.sluice.monitoring.run.RunFolder;
import dev.sluice.protocol.ModelCard;
import dev.sluice.protocol.PhasePlan;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.image.SampleSheet;
import dev.sluice.runtime.network.NetworkCard;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.sampling.Mixture;
import dev.sluice.runtime.sampling.MixturePlan;
import dev.sluice.runtime.store.Safetensors;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice sample}: samples of a run's experts, or of a teacher, into a picture. */
@Command(
        name = "sample",
        mixinStandardHelpOptions = true,
        footer = SluiceCommand.A_TEACHER_IS_A_PROGRAM,
        description = "Draws samples with a run's finished experts (the teacher for phases without one), or with a"
                + " teacher alone, into one PNG.")
final class SampleCommand implements Callable<Integer> {
    private static final int BATCH = 64;

    @ArgGroup(multiplicity = "1")
    private Source source;

    private static final class Source {
        @Option(names = "--run", paramLabel = "DIR", description = "A run's folder.")
        private Path run;

        @Option(names = "--teacher", paramLabel = "FILE", description = "A network file, of somebody you trust.")
        private Path teacher;
    }

    @Option(names = "--n", defaultValue = "64", description = "Samples. Default: ${DEFAULT-VALUE}.")
    private int n;

    @Option(
            names = "--seed",
            defaultValue = "0",
            description = "Of the first sample; sample i has seed + i. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = "--class", paramLabel = "C", description = "Name or index. Default: all classes in turn.")
    private String className;

    @Option(names = "--steps", defaultValue = "50", description = "Of --teacher. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(names = "--guidance", defaultValue = "1", description = "Of --teacher; 1 is none. Default: 1.")
    private double guidance;

    @Option(names = "--columns", description = "Of the picture. Default: one a class, or near-square.")
    private Integer columns;

    @Option(
            names = "--out",
            paramLabel = "grid.png",
            description = "The picture. Grey and colour images can be drawn, and points of one or two coordinates.")
    private Path out;

    @Option(
            names = "--raw",
            paramLabel = "samples.safetensors",
            description = "Write samples (float32) and labels (int64) here; with --out or without.")
    private Path raw;

    @Mixin
    private Device device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (n < 1 || n > 1_000_000) {
            throw new UserError("--n " + n + " must be between 1 and 1000000");
        }
        if (seed < 0) {
            throw new UserError("--seed " + seed + " must be 0 or more");
        }
        if (columns != null && columns < 1) {
            throw new UserError("--columns " + columns + " must be 1 or more");
        }
        if (out == null && raw == null) {
            throw new UserError(
                    "nothing to write: name a picture with --out grid.png, or a file of the numbers with --raw"
                            + " samples.safetensors");
        }
        // Before the samples are made, which may take minutes.
        Output.requireWritable("--out", out);
        Output.requireWritable("--raw", raw);
        MixturePlan plan = source.run != null
                ? Runs.finished(RunFolder.open(source.run))
                : UserError.whenRefused(this::teacherAlone);
        long[] labels = labels(plan.card());
        requireDrawable(plan.card().sampleShape());
        long[] seeds = LongStream.range(seed, seed + n).toArray();
        Tensor samples;
        try (Mixture mixture = Mixture.open(plan, device.networks())) {
            samples = mixture.sample(seeds, labels, Math.min(BATCH, n));
        }
        if (raw != null) {
            writeRaw(plan, samples, labels);
        }
        if (out != null) {
            SampleSheet.write(out, UserError.whenRefused(() -> picture(plan, samples)));
        }
        String where =
                Stream.of(out, raw).filter(Objects::nonNull).map(Path::toString).collect(Collectors.joining(" and "));
        spec.commandLine().getOut().printf(Locale.ROOT, "sluice: %d samples of %s in %s%n", n, title(plan), where);
        return 0;
    }

    private static String title(MixturePlan plan) {
        return plan.version() + ", " + plan.nfe() + " evaluations";
    }

    private void requireDrawable(List<Integer> shape) {
        if (out == null) {
            return;
        }
        boolean image = shape.size() == 3 && (shape.get(0) == 1 || shape.get(0) == 3);
        boolean point = shape.size() == 1 && shape.get(0) <= 2;
        if (!image && !point) {
            throw new UserError(
                    "samples of shape " + shape + " cannot be drawn: images of 1 or 3 channels can, and points"
                            + " of 1 or 2 coordinates; leave --out away and write the numbers with --raw samples.safetensors");
        }
        long pixels = image ? (long) n * shape.get(1) * shape.get(2) : 0;
        if (pixels > SampleSheet.MAX_PIXELS) {
            throw new UserError("--n " + n + " samples of " + shape + " are " + pixels
                    + " pixels, and a picture has at most " + SampleSheet.MAX_PIXELS
                    + ": draw fewer, or write them with --raw samples.safetensors only");
        }
    }

    private BufferedImage picture(MixturePlan plan, Tensor samples) {
        int classes = plan.card().classNames().size();
        int wide = columns != null ? columns : className == null && classes > 1 ? classes : 0;
        return SampleSheet.draw(List.of(title(plan)), List.of(samples), wide);
    }

    private void writeRaw(MixturePlan plan, Tensor samples, long[] labels) throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("samples", samples);
        if (!plan.card().classNames().isEmpty()) {
            tensors.put("labels", Tensor.of(labels, n));
        }
        new Safetensors(tensors, Map.of("model_version", plan.version(), "nfe", Integer.toString(plan.nfe())))
                .write(raw);
    }

    private MixturePlan teacherAlone() {
        TeacherCheck.requireSamples(
                source.teacher, guidance != 1, NodeSettings.TRIAL_WITHIN, Optional.empty(), device.threads());
        NetworkCard card = NetworkFile.readCard(source.teacher);
        return new MixturePlan(
                new ModelCard("teacher", card.sampleShape(), card.classNames()),
                new PhasePlan(List.of(1.0, 0.0), List.of(0.0)),
                card.schedule(),
                NetworkFile.reference("teacher", source.teacher),
                steps,
                guidance,
                List.of());
    }

    private long[] labels(ModelCard card) {
        List<String> names = card.classNames();
        long[] labels = new long[n];
        for (int i = 0; i < n; i++) {
            labels[i] = className != null ? index(names) : names.isEmpty() ? -1 : (seed + i) % names.size();
        }
        return labels;
    }

    private int index(List<String> names) {
        return Classes.index(names, className)
                .orElseThrow(() -> new UserError("there is no class " + className + "; "
                        + (names.isEmpty() ? "this model has no classes" : "it has " + Classes.list(names))));
    }
}
