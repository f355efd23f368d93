package dev.sluice.runtime.evaluation;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** One number about one set of samples or the run that made them, and how to read it. */
public enum Measure {
    FRECHET_TO_TEACHER(
            "frechet-to-teacher",
            "Fréchet, teacher",
            Better.LOWER,
            2,
            "Fréchet distance to the teacher's samples in the classifier's features"),
    PRECISION_TO_TEACHER(
            "precision-to-teacher",
            "precision, teacher",
            Better.HIGHER,
            3,
            "share of the samples that lie among the teacher's (k nearest neighbours in the classifier's features)"),
    RECALL_TO_TEACHER(
            "recall-to-teacher",
            "recall, teacher",
            Better.HIGHER,
            3,
            "share of the teacher's samples that lie among these"),
    COVERAGE_OF_TEACHER(
            "coverage-of-teacher",
            "coverage, teacher",
            Better.HIGHER,
            3,
            "share of the teacher's samples with one of these among their nearest: recall that stray samples do not"
                    + " raise"),
    FRECHET_TO_DATA(
            "frechet-to-data",
            "Fréchet, data",
            Better.LOWER,
            2,
            "Fréchet distance to held-out data in the classifier's features"),
    PRECISION_TO_DATA(
            "precision-to-data",
            "precision, data",
            Better.HIGHER,
            3,
            "share of the samples that lie among held-out data"),
    RECALL_TO_DATA(
            "recall-to-data", "recall, data", Better.HIGHER, 3, "share of held-out data that lie among the samples"),
    COVERAGE_OF_DATA(
            "coverage-of-data",
            "coverage, data",
            Better.HIGHER,
            3,
            "share of held-out data with one of the samples among their nearest"),
    ACCURACY(
            "accuracy",
            "class accuracy",
            Better.HIGHER,
            3,
            "share of the samples that the classifier takes for the class asked for"),
    COSINE(
            "cosine",
            "cosine",
            Better.AS_TEACHER,
            4,
            "how alike two samples of one class are: mean pairwise cosine of the classifier's features; lower is more diverse"),
    PIXEL_DISTANCE(
            "pixel-distance",
            "pixel distance",
            Better.AS_TEACHER,
            4,
            "how different two samples of one class are: mean pairwise root mean square over pixels; higher is more diverse"),
    MULTI_SCALE_DISTANCE(
            "multi-scale-distance",
            "multi-scale distance",
            Better.AS_TEACHER,
            4,
            "the same, averaged over the image and its two- and fourfold reductions"),
    RECOVERED_COSINE(
            "recovered-cosine",
            "recovered, cosine",
            Better.HIGHER,
            2,
            "share of the diversity that the baseline lost and this keeps, by cosine: 0 the baseline, 1 the teacher"),
    RECOVERED_MULTI_SCALE(
            "recovered-multi-scale", "recovered, multi-scale", Better.HIGHER, 2, "the same by multi-scale distance"),
    RECOVERED_COVERAGE(
            "recovered-coverage", "recovered, coverage", Better.HIGHER, 2, "the same by coverage of the teacher"),
    MODES("modes", "modes", Better.HIGHER, 1, "modes of the mixture that get at least a fifth of their fair share"),
    ENERGY("energy-distance", "energy distance", Better.LOWER, 5, "energy distance to the teacher's samples"),
    WASSERSTEIN("wasserstein", "Wasserstein", Better.LOWER, 4, "2-Wasserstein distance to the teacher's samples"),
    NFE("nfe", "nfe", Better.LOWER, 0, "network evaluations behind one sample"),
    UPDATES("updates", "updates", Better.NEITHER, 0, "generator updates"),
    TRAINING_SECONDS("training-seconds", "seconds", Better.LOWER, 0, "seconds of training"),
    CPU_SECONDS(
            "cpu-seconds", "CPU seconds", Better.LOWER, 0, "processor time of training, serving and pictures included"),
    PEAK_MEMORY("peak-resident-mib", "peak MiB", Better.LOWER, 0, "most memory of the process that trained and served");

    /** Those that compare with data, which say nothing of the data themselves. */
    public static final Set<Measure> TO_DATA = Collections.unmodifiableSet(
            EnumSet.of(FRECHET_TO_DATA, PRECISION_TO_DATA, RECALL_TO_DATA, COVERAGE_OF_DATA));

    /** Which way is good. */
    public enum Better {
        LOWER,
        HIGHER,
        /** As near to the teacher's own value as can be: more is wrong too. */
        AS_TEACHER,
        NEITHER
    }

    private final String key;
    private final String title;
    private final Better better;
    private final int decimals;
    private final String meaning;

    Measure(String key, String title, Better better, int decimals, String meaning) {
        this.key = key;
        this.title = title;
        this.better = better;
        this.decimals = decimals;
        this.meaning = meaning;
    }

    /** How JSON calls it. */
    public String key() {
        return key;
    }

    /** How a table calls it. */
    public String title() {
        return title;
    }

    public Better better() {
        return better;
    }

    /** Digits after the point that are worth showing. */
    public int decimals() {
        return decimals;
    }

    /** One line for whoever has not read the documentation. */
    public String meaning() {
        return meaning;
    }
}
