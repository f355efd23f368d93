package dev.sluice.actors.cli;

import dev.sluice.protocol.AdamWSettings;
import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.data.Batch;
import dev.sluice.runtime.data.Dataset;
import dev.sluice.runtime.network.ClassifierCard;
import dev.sluice.runtime.network.ClassifierTraining;
import dev.sluice.runtime.network.ImageClassifier;
import dev.sluice.runtime.network.TorchNetworks;
import dev.sluice.runtime.noise.Noise;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice train-classifier}: the feature space in which {@code evaluate} compares images. */
@Command(
        name = "train-classifier",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        description = "Trains the small classifier whose features evaluate and compare measure images in, and writes it"
                + " as a TorchScript file, with a text file beside it that says how it was made.")
final class TrainClassifierCommand implements Callable<Integer> {
    private static final int TEST_BATCH = 1000;

    @Option(
            names = "--data",
            required = true,
            description = "fashion-mnist[:FOLDER], or png:FOLDER (sub-folders are classes).")
    private String data;

    @Option(
            names = "--held-out",
            required = true,
            description = "What its accuracy is measured on, such as fashion-mnist-held-out[:FOLDER].")
    private String heldOut;

    @Option(names = "--out", required = true, description = "The file to write, such as classifiers/mine.pt.")
    private Path out;

    @Option(names = "--features", defaultValue = "64", description = "Activations before the last layer.")
    private int features;

    @Option(names = "--steps", defaultValue = "3000", description = "Optimizer steps.")
    private int steps;

    @Option(names = "--batch", defaultValue = "128", description = "Images a step.")
    private int batch;

    @Option(names = "--learning-rate", defaultValue = "2e-3", description = "Of AdamW at first, cosine to zero.")
    private double learningRate;

    @Option(names = "--weight-decay", defaultValue = "0.05", description = "AdamW's.")
    private double weightDecay;

    @Option(names = "--ema", defaultValue = "0.99", description = "Decay of the weights' average, which is kept.")
    private double ema;

    @Option(names = "--no-mirror", description = "Do not flip images left to right.")
    private boolean noMirror;

    @Option(names = "--seed", defaultValue = "1", description = "Of weights and batches.")
    private long seed;

    @Mixin
    private Device device;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (steps < 1 || batch < 1 || batch > 65_536) {
            throw new UserError("--steps " + steps + " must be at least 1, --batch " + batch + " from 1 to 65536");
        }
        Output.requireCreatable("--out", out);
        Dataset training = Training.dataset("--data", data);
        Dataset test = Training.dataset("--held-out", heldOut);
        spec.commandLine()
                .getOut()
                .printf(
                        "sluice: read %s from %s, and %s from %s%n",
                        Training.summary(training), data, Training.summary(test), heldOut);
        spec.commandLine().getOut().flush();
        if (!training.sampleShape().equals(test.sampleShape())
                || !training.classNames().equals(test.classNames())) {
            throw new UserError("--held-out " + heldOut + " has samples " + test.sampleShape() + " of classes "
                    + test.classNames() + ", --data " + data + " has " + training.sampleShape() + " of "
                    + training.classNames());
        }
        ClassifierCard card = UserError.whenRefused(
                () -> new ClassifierCard(training.sampleShape(), training.classNames(), features, Map.of()));
        AdamWSettings optimizer = UserError.whenRefused(
                () -> new AdamWSettings(learningRate, 0.9, 0.999, 1e-8, weightDecay, Double.POSITIVE_INFINITY));
        TorchNetworks networks = device.networks();
        Files.createDirectories(out.toAbsolutePath().getParent());
        Training how = new Training(spec);
        try (ClassifierTraining trained = networks.newClassifier(card, seed, optimizer, ema)) {
            double loss = train(training, trained);
            // Once to be measured, once more with what was measured.
            trained.writeAverage(out, card);
            double accuracy = accuracy(networks, test);
            Map<String, String> provenance = new LinkedHashMap<>(how.provenance());
            provenance.put("data", data + ", " + training.size() + " images, " + training.sampleShape());
            provenance.put("classes", String.join(", ", training.classNames()));
            provenance.put("loss", String.format(Locale.ROOT, "%.4f (cross-entropy, last 100 steps or so)", loss));
            provenance.put(
                    "accuracy", String.format(Locale.ROOT, "%.4f on %s, %d images", accuracy, heldOut, test.size()));
            trained.writeAverage(out, card.with(provenance));
            Training.note(out, provenance);
            spec.commandLine()
                    .getOut()
                    .printf(Locale.ROOT, "sluice: the classifier is %s; accuracy %.4f%n", out, accuracy);
        }
        return 0;
    }

    private double train(Dataset training, ClassifierTraining trained) {
        Noise noise = new Noise(seed, 0);
        return Training.run(steps, step -> {
            Batch images = batch(training, noise, step);
            double rate = learningRate * (1 + Math.cos(Math.PI * step / steps)) / 2;
            return trained.step(images.x(), images.labels(), rate);
        });
    }

    private Batch batch(Dataset training, Noise noise, int step) {
        int[] indices = new int[batch];
        long[] drawn = noise.integers(Noise.Purpose.DATA_INDEX, step, batch, training.size());
        double[] coins = noise.uniform(Noise.Purpose.DATA_AUGMENT, step, batch);
        boolean[] mirrored = new boolean[batch];
        for (int i = 0; i < batch; i++) {
            indices[i] = (int) drawn[i];
            mirrored[i] = !noMirror && coins[i] < 0.5;
        }
        return training.batch(indices).mirrored(mirrored);
    }

    private double accuracy(TorchNetworks networks, Dataset test) {
        long right = 0;
        try (ImageClassifier classifier = networks.openClassifier(out)) {
            for (int from = 0; from < test.size(); from += TEST_BATCH) {
                Batch images = test.batch(IntStream.range(from, Math.min(test.size(), from + TEST_BATCH))
                        .toArray());
                Tensor labels = images.labels();
                long[] seen = classifier.see(images.x()).classes();
                for (int i = 0; i < images.size(); i++) {
                    right += seen[i] == labels.longAt(i) ? 1 : 0;
                }
            }
        }
        return (double) right / test.size();
    }
}
