package dev.sluice.runtime.evaluation;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.data.Batch;
import dev.sluice.runtime.metric.Diversity;
import dev.sluice.runtime.metric.FrechetDistance;
import dev.sluice.runtime.metric.PrecisionRecall;
import dev.sluice.runtime.network.ImageClassifier;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * Fidelity and diversity of images: to the teacher's samples and to data, in the features of one classifier. Belongs to
 * the classifier's thread, which it borrows.
 */
public final class ImageEvaluation implements Evaluation {
    private final ImageClassifier classifier;
    private final Tensor teacher;
    private final Optional<Tensor> data;

    /**
     * @param teacher what the teacher makes, images [n, C, H, W]
     * @param data held out from whatever the classifier and the teacher were trained on; of n images too, since the
     *     measures depend on it
     */
    public ImageEvaluation(ImageClassifier classifier, Batch teacher, Optional<Batch> data) {
        this.classifier = classifier;
        this.teacher = classifier.see(teacher.x()).features();
        this.data = data.map(batch -> classifier.see(batch.x()).features());
    }

    @Override
    public Map<Measure, Double> of(Batch samples) {
        Map<Measure, Double> measures = new EnumMap<>(Measure.class);
        ImageClassifier.Seen seen = classifier.see(samples.x());
        Tensor features = seen.features();
        measures.put(Measure.FRECHET_TO_TEACHER, FrechetDistance.between(features, teacher));
        PrecisionRecall toTeacher = PrecisionRecall.between(teacher, features, PrecisionRecall.NEIGHBOURS);
        measures.put(Measure.PRECISION_TO_TEACHER, toTeacher.precision());
        measures.put(Measure.RECALL_TO_TEACHER, toTeacher.recall());
        measures.put(Measure.COVERAGE_OF_TEACHER, toTeacher.coverage());
        data.ifPresent(real -> {
            measures.put(Measure.FRECHET_TO_DATA, FrechetDistance.between(features, real));
            PrecisionRecall toData = PrecisionRecall.between(real, features, PrecisionRecall.NEIGHBOURS);
            measures.put(Measure.PRECISION_TO_DATA, toData.precision());
            measures.put(Measure.RECALL_TO_DATA, toData.recall());
            measures.put(Measure.COVERAGE_OF_DATA, toData.coverage());
        });
        measures.put(Measure.ACCURACY, accuracy(seen.classes(), samples.labels()));
        long[] labels = samples.labels().toLongs();
        measures.put(Measure.COSINE, Diversity.cosine(features, labels));
        measures.put(Measure.PIXEL_DISTANCE, Diversity.pixel(samples.x(), labels));
        measures.put(Measure.MULTI_SCALE_DISTANCE, Diversity.multiScale(samples.x(), labels));
        return measures;
    }

    private static double accuracy(long[] seen, Tensor labels) {
        int right = 0;
        for (int i = 0; i < seen.length; i++) {
            right += seen[i] == labels.longAt(i) ? 1 : 0;
        }
        return (double) right / seen.length;
    }
}
