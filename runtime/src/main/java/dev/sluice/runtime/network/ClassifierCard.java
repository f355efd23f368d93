package dev.sluice.runtime.network;

import java.util.List;
import java.util.Map;

/**
 * What a classifier's file says of itself, as the extra file {@code classifier.json}.
 *
 * @param sampleShape channels, height, width of an image in [−1, 1]
 * @param classNames in the order of the logits
 * @param features of an image, the activations before the last layer
 * @param provenance free text by key: command, data, accuracy …
 */
public record ClassifierCard(
        List<Integer> sampleShape, List<String> classNames, int features, Map<String, String> provenance) {
    public ClassifierCard {
        sampleShape = List.copyOf(sampleShape);
        classNames = List.copyOf(classNames);
        provenance = Map.copyOf(provenance);
        if (sampleShape.size() != 3 || sampleShape.get(1) % 4 != 0 || sampleShape.get(2) % 4 != 0) {
            throw new IllegalArgumentException(
                    "the classifier takes images [channels, height, width] with sides that 4 divides, not "
                            + sampleShape);
        }
        if (classNames.size() < 2 || features < 1) {
            throw new IllegalArgumentException("a classifier has at least two classes and one feature, not "
                    + classNames.size() + " and " + features);
        }
    }

    /** The same with another provenance. */
    public ClassifierCard with(Map<String, String> provenance) {
        return new ClassifierCard(sampleShape, classNames, features, provenance);
    }
}
