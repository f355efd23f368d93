package dev.sluice.runtime.image;

import dev.sluice.protocol.DType;
import dev.sluice.protocol.Tensor;
import java.util.Arrays;

/** From values in [−1, 1] to the 256 levels of a picture. */
final class Levels {
    private static final int MID_GREY = 128;

    private Levels() {}

    /** Clamped: −1 and below is 0, 1 and above is 255. NaN is mid-grey, so that it is seen and nothing breaks. */
    static int of(float value) {
        if (Float.isNaN(value)) {
            return MID_GREY;
        }
        return (int) Math.round((Math.max(-1.0, Math.min(1.0, value)) + 1) * 127.5);
    }

    /**
     * The pixel of an image within a batch, as 0xRRGGBB.
     *
     * @param images FLOAT32 [..., C, H, W], C = 1 (grey) or 3
     * @param first element of the image
     */
    static int rgb(Tensor images, int first, int y, int x) {
        int rank = images.rank();
        int height = images.dim(rank - 2);
        int width = images.dim(rank - 1);
        int red = of(images.floatAt(first + y * width + x));
        if (images.dim(rank - 3) == 1) {
            return red << 16 | red << 8 | red;
        }
        int green = of(images.floatAt(first + (height + y) * width + x));
        int blue = of(images.floatAt(first + (2 * height + y) * width + x));
        return red << 16 | green << 8 | blue;
    }

    /** Refuses what is not FLOAT32 with {@code rank} axes, the last three channels, height, width, none empty. */
    static void requireImages(Tensor images, int rank) {
        boolean right = images.dtype() == DType.FLOAT32 && images.rank() == rank && images.size() > 0;
        if (!right || images.dim(rank - 3) != 1 && images.dim(rank - 3) != 3) {
            throw new IllegalArgumentException("cannot draw " + images.dtype() + Arrays.toString(images.shape())
                    + ": an image is FLOAT32 [C, H, W] with C = 1 or 3, a batch of them [n, C, H, W] with n ≥ 1");
        }
    }
}
