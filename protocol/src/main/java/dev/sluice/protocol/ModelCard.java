package dev.sluice.protocol;

import java.util.List;
import java.util.Optional;

/**
 * What a generator makes, for whoever asks it for samples. A model is a run and not a name: the cards of two runs differ
 * whatever else is equal.
 *
 * @param name the experiment's name, which is the model's name over HTTP; several runs may have had it
 * @param run identity of the run that the model comes from; empty for what no run made
 * @param sampleShape of one sample: channels, height, width of an image, or the dimensions of a point
 * @param classNames empty for an unconditional model
 */
public record ModelCard(String name, Optional<String> run, List<Integer> sampleShape, List<String> classNames) {
    public ModelCard {
        sampleShape = List.copyOf(sampleShape);
        classNames = List.copyOf(classNames);
    }

    /** A model that no run made. */
    public ModelCard(String name, List<Integer> sampleShape, List<String> classNames) {
        this(name, Optional.empty(), sampleShape, classNames);
    }

    /** Names the model and, where there is one, the run: {@code fashion:3f9a2c41d07b}. */
    public String qualifiedName() {
        return run.map(id -> name + ":" + id).orElse(name);
    }

    /** Whether one sample is a picture (channels, height, width) and not a point. */
    public boolean isImage() {
        return sampleShape.size() == 3;
    }
}
