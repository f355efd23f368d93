package dev.sluice.protocol;

import java.util.List;

/**
 * What a generator makes, for whoever asks it for samples.
 *
 * @param name the experiment's name, which is the model's name over HTTP
 * @param sampleShape of one sample: channels, height, width of an image, or the dimensions of a point
 * @param classNames empty for an unconditional model
 */
public record ModelCard(String name, List<Integer> sampleShape, List<String> classNames) {
    public ModelCard {
        sampleShape = List.copyOf(sampleShape);
        classNames = List.copyOf(classNames);
    }

    /** Whether one sample is a picture (channels, height, width) and not a point. */
    public boolean isImage() {
        return sampleShape.size() == 3;
    }
}
