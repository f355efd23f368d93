package dev.sluice.runtime.network;

import static dev.sluice.runtime.noise.Noise.Purpose.WEIGHT;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.noise.Noise;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** A kind of network that can be made from nothing: its sizes, and how its weights begin. */
public sealed interface Architecture {
    /** The module with fresh weights, without its card. {@code noise} decides the weights. */
    byte[] fresh(NetworkCard card, Noise noise);

    /**
     * A diffusion transformer for images with adaLN-zero conditioning on time and class (Peebles and Xie, "Scalable
     * diffusion models with transformers", 2023).
     *
     * @param width of a token; a multiple of heads
     * @param depth blocks
     * @param patch side of a square patch; divides height and width
     * @param bf16 whether the blocks' matrix products run in bfloat16; weights and sums stay in float32
     */
    record DiffusionTransformer(int width, int depth, int heads, int patch, boolean bf16) implements Architecture {
        private static final int WAVES = 128;

        public DiffusionTransformer {
            require(width >= 8 && width % 4 == 0 && width <= 8192, "width", width, "a multiple of 4 from 8 to 8192");
            require(depth >= 1 && depth <= 128, "depth", depth, "from 1 to 128");
            require(heads >= 1 && width % heads == 0, "heads", heads, "a divisor of the width " + width);
            require(patch >= 1 && patch <= 64, "patch", patch, "from 1 to 64");
        }

        @Override
        public byte[] fresh(NetworkCard card, Noise noise) {
            List<Integer> shape = card.sampleShape();
            if (shape.size() != 3) {
                throw new IllegalArgumentException(
                        "a transformer makes images [channels, height, width], not samples of shape " + shape
                                + "; use --network mlp");
            }
            if (shape.get(1) % patch != 0 || shape.get(2) % patch != 0) {
                throw new IllegalArgumentException("a transformer of patch " + patch + " needs images whose sides it"
                        + " divides, not " + shape + "; use " + dividing(shape.get(1), shape.get(2)));
            }
            int inPatch = shape.get(0) * patch * patch;
            int rows = shape.get(1) / patch;
            int columns = shape.get(2) / patch;
            Weights weights = new Weights(noise);
            return new TorchScriptWriter("DiffusionTransformer")
                    .parameter("patch_weight", weights.linear(inPatch, width, inPatch))
                    .parameter("patch_bias", Weights.zeros(width))
                    .parameter("position", positions(rows, columns))
                    .parameter("time_in_weight", weights.normal(0.02, width, WAVES))
                    .parameter("time_in_bias", Weights.zeros(width))
                    .parameter("time_out_weight", weights.normal(0.02, width, width))
                    .parameter("time_out_bias", Weights.zeros(width))
                    .parameter("class_embedding", weights.normal(0.02, card.nullLabel() + 1, width))
                    // Zero modulation makes every block the identity at first: adaLN-zero.
                    .parameter("modulation_weight", Weights.zeros(depth, 6 * width, width))
                    .parameter("modulation_bias", Weights.zeros(depth, 6 * width))
                    .parameter("qkv_weight", weights.linear(width, depth, 3 * width, width))
                    .parameter("qkv_bias", Weights.zeros(depth, 3 * width))
                    .parameter("attention_out_weight", weights.linear(width, depth, width, width))
                    .parameter("attention_out_bias", Weights.zeros(depth, width))
                    .parameter("mlp_in_weight", weights.linear(width, depth, 4 * width, width))
                    .parameter("mlp_in_bias", Weights.zeros(depth, 4 * width))
                    .parameter("mlp_out_weight", weights.linear(4 * width, depth, width, 4 * width))
                    .parameter("mlp_out_bias", Weights.zeros(depth, width))
                    .parameter("final_modulation_weight", Weights.zeros(2 * width, width))
                    .parameter("final_modulation_bias", Weights.zeros(2 * width))
                    .parameter("final_weight", Weights.zeros(inPatch, width))
                    .parameter("final_bias", Weights.zeros(inPatch))
                    .attribute("heads", heads)
                    .attribute("patch", patch)
                    .attribute("bf16", bf16)
                    .toBytes();
        }

        /** What to use instead: the divisor of both sides that is nearest to the patch that was asked for. */
        private String dividing(int height, int width) {
            int nearest = IntStream.rangeClosed(1, 64)
                    .filter(side -> height % side == 0 && width % side == 0)
                    .boxed()
                    // Of two as near, the larger: fewer tokens.
                    .min(Comparator.<Integer>comparingInt(side -> Math.abs(side - patch))
                            .thenComparing(Comparator.reverseOrder()))
                    .orElse(1);
            String scaled = nearest == 1 ? ", or scale the images to sides that a larger patch divides" : "";
            return "--patch " + nearest + scaled;
        }

        /** Sines and cosines of row and column, [rows·columns, width]; trained on from there. */
        private Tensor positions(int rows, int columns) {
            float[] values = new float[rows * columns * width];
            int quarter = width / 4;
            for (int row = 0, i = 0; row < rows; row++) {
                for (int column = 0; column < columns; column++) {
                    for (int place : new int[] {row, column}) {
                        for (int k = 0; k < 2 * quarter; k++) {
                            double angle = place * StrictMath.pow(10_000, -(double) (k % quarter) / quarter);
                            values[i++] = (float) (k < quarter ? StrictMath.sin(angle) : StrictMath.cos(angle));
                        }
                    }
                }
            }
            return Tensor.owning(values, rows * columns, width);
        }
    }

    /**
     * A multi-layer perceptron on points, with waves of the time beside the coordinates and a class embedding added to
     * the first layer.
     *
     * @param width of a hidden layer
     * @param depth hidden layers, at least two
     */
    record VelocityMlp(int width, int depth) implements Architecture {
        private static final int FREQUENCIES = 32;

        public VelocityMlp {
            require(width >= 1 && width <= 8192, "width", width, "from 1 to 8192");
            require(depth >= 2 && depth <= 128, "depth", depth, "from 2 to 128");
        }

        @Override
        public byte[] fresh(NetworkCard card, Noise noise) {
            if (card.sampleShape().size() != 1) {
                throw new IllegalArgumentException(
                        "a perceptron makes points of one axis, not samples of shape " + card.sampleShape());
            }
            int dimensions = card.sampleSize();
            int in = dimensions + 2 * FREQUENCIES;
            Weights weights = new Weights(noise);
            return new TorchScriptWriter("VelocityMlp")
                    .parameter("in_weight", weights.linear(in, width, in))
                    .parameter("in_bias", Weights.zeros(width))
                    .parameter("class_embedding", weights.normal(0.02, card.nullLabel() + 1, width))
                    .parameter("hidden_weight", weights.linear(width, depth - 1, width, width))
                    .parameter("hidden_bias", Weights.zeros(depth - 1, width))
                    .parameter("out_weight", weights.normal(0.01, dimensions, width))
                    .parameter("out_bias", Weights.zeros(dimensions))
                    .attribute("frequencies", FREQUENCIES)
                    .toBytes();
        }
    }

    private static void require(boolean holds, String key, int value, String mend) {
        if (!holds) {
            throw new IllegalArgumentException(key + " = " + value + " must be " + mend);
        }
    }

    /** Draws initial weights, each tensor from a block of the noise of its own. */
    final class Weights {
        private final Noise noise;
        private int drawn;

        Weights(Noise noise) {
            this.noise = noise;
        }

        /** Variance 1 / fanIn, which keeps the size of what flows through. */
        Tensor linear(double fanIn, long... shape) {
            return normal(1 / Math.sqrt(fanIn), shape);
        }

        private Tensor normal(double deviation, long... shape) {
            float[] values = noise.gaussian(WEIGHT, drawn++, shape).toFloats();
            for (int i = 0; i < values.length; i++) {
                values[i] *= (float) deviation;
            }
            return Tensor.owning(values, shape);
        }

        static Tensor zeros(long... shape) {
            int size = 1;
            for (long d : shape) {
                size *= (int) d;
            }
            return Tensor.owning(new float[size], shape);
        }
    }
}
