package dev.sluice.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecipeTest {
    private static final Recipe GOOD = new Recipe(
            1,
            64,
            5,
            3,
            Recipe.Schedule.RECTIFIED_FLOW,
            Recipe.Rollout.SGTS,
            Recipe.Normaliser.PER_SAMPLE,
            Recipe.CriticWeighting.CLAMPED,
            0.02,
            1,
            AdamWSettings.ofPaper(1e-4),
            AdamWSettings.ofPaper(1e-4),
            0.99,
            0,
            Recipe.Ablation.NONE);

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "batch         | 0      | batch = 0 must be between 1 and 65536",
                "batch         | 65537  | batch = 65537 must be between 1 and 65536",
                "criticUpdates | 0      | critic-updates = 0 must be between 1 and 1000",
                "criticUpdates | 1001   | critic-updates = 1001 must be between 1 and 1000",
                "guidance      | -0.1   | guidance = -0.1 must be at least 0 and below 1000; 1 is no guidance",
                "guidance      | 1000   | guidance = 1000.0 must be at least 0 and below 1000; 1 is no guidance",
                "guidance      | NaN    | guidance = NaN must be at least 0 and below 1000; 1 is no guidance",
                "margin        | 0      | margin = 0.0 must be in (0, 0.5)",
                "margin        | 0.5    | margin = 0.5 must be in (0, 0.5)",
                "margin        | NaN    | margin = NaN must be in (0, 0.5)",
                "shift         | 0      | shift = 0.0 must be positive and below 1000; 1 is no shift",
                "shift         | 1000   | shift = 1000.0 must be positive and below 1000; 1 is no shift",
                "shift         | NaN    | shift = NaN must be positive and below 1000; 1 is no shift",
                "emaDecay      | 1      | ema = 1.0 must be in [0, 1)",
                "emaDecay      | -0.1   | ema = -0.1 must be in [0, 1)",
                "emaDecay      | NaN    | ema = NaN must be in [0, 1)",
                "staleness     | -1     | staleness = -1 must be between 0 and 64",
                "staleness     | 65     | staleness = 65 must be between 0 and 64",
            })
    void numbersOutOfBounds(String component, double value, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> with(component, value))
                .withMessage(message);
    }

    @ParameterizedTest
    @CsvSource({
        "batch, 1",
        "batch, 65536",
        "criticUpdates, 1",
        "criticUpdates, 1000",
        "guidance, 0",
        "guidance, 999",
        "margin, 1e-9",
        "margin, 0.49",
        "shift, 1e-3",
        "shift, 999",
        "emaDecay, 0",
        "emaDecay, 0.9999",
        "staleness, 64"
    })
    void numbersAtTheirBounds(String component, double value) throws Throwable {
        assertThat(with(component, value)).isNotEqualTo(GOOD);
    }

    @ParameterizedTest
    @CsvSource({
        "schedule, schedule is missing",
        "rollout, rollout is missing",
        "normaliser, normaliser is missing",
        "criticWeighting, critic-weighting is missing",
        "generatorOptimizer, generator-optimizer is missing",
        "criticOptimizer, critic-optimizer is missing"
    })
    void choicesThatAreMissing(String component, String message) {
        assertThatNullPointerException().isThrownBy(() -> with(component, null)).withMessage(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0 | 0 | 0.9 | 1e-8 | 0 | 1 | learning-rate = 0.0 must be positive and finite",
                "NaN | 0 | 0.9 | 1e-8 | 0 | 1 | learning-rate = NaN must be positive and finite",
                "Infinity | 0 | 0.9 | 1e-8 | 0 | 1 | learning-rate = Infinity must be positive and finite",
                "1 | 1 | 0.9 | 1e-8 | 0 | 1 | beta1 = 1.0 must be in [0, 1)",
                "1 | -0.1 | 0.9 | 1e-8 | 0 | 1 | beta1 = -0.1 must be in [0, 1)",
                "1 | 0 | 1 | 1e-8 | 0 | 1 | beta2 = 1.0 must be in [0, 1)",
                "1 | 0 | NaN | 1e-8 | 0 | 1 | beta2 = NaN must be in [0, 1)",
                "1 | 0 | 0.9 | 0 | 0 | 1 | epsilon = 0.0 must be positive and finite",
                "1 | 0 | 0.9 | Infinity | 0 | 1 | epsilon = Infinity must be positive and finite",
                "1 | 0 | 0.9 | 1e-8 | -1 | 1 | weight-decay = -1.0 must be 0 or more, and finite",
                "1 | 0 | 0.9 | 1e-8 | Infinity | 1 | weight-decay = Infinity must be 0 or more, and finite",
                "1 | 0 | 0.9 | 1e-8 | 0 | 0 | clip-norm = 0.0 must be positive; infinity for no clipping",
                "1 | 0 | 0.9 | 1e-8 | 0 | NaN | clip-norm = NaN must be positive; infinity for no clipping",
            })
    void optimizersThatCannotWork(
            double rate, double beta1, double beta2, double epsilon, double decay, double clip, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new AdamWSettings(rate, beta1, beta2, epsilon, decay, clip))
                .withMessage(message);
    }

    @Test
    void paperOptimizer() {
        assertThat(AdamWSettings.ofPaper(1e-4)).isEqualTo(new AdamWSettings(1e-4, 0, 0.999, 1e-8, 0.01, 1));
        assertThat(new AdamWSettings(1e-4, 0, 0, 1e-8, 0, Double.POSITIVE_INFINITY).clipNorm())
                .isInfinite();
    }

    /** The good recipe with one component replaced. */
    private static Recipe with(String name, Double value) throws Throwable {
        RecordComponent[] components = Recipe.class.getRecordComponents();
        Class<?>[] types =
                Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
        Object[] values = new Object[components.length];
        List<String> names =
                Arrays.stream(components).map(RecordComponent::getName).toList();
        for (int i = 0; i < values.length; i++) {
            values[i] = components[i].getAccessor().invoke(GOOD);
        }
        int at = names.indexOf(name);
        if (types[at] == int.class) {
            values[at] = value.intValue();
        } else {
            values[at] = value;
        }
        Constructor<Recipe> constructor = Recipe.class.getConstructor(types);
        try {
            return constructor.newInstance(values);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
