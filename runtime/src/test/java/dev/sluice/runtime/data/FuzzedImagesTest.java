package dev.sluice.runtime.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import java.util.zip.GZIPOutputStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever bytes a data file holds, it is read or refused by an IOException that names it: nothing else, and at once. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FuzzedImagesTest {
    private static final int CASES = 10_000;

    @FunctionalInterface
    private interface Reading {
        void read(byte[] bytes) throws IOException;
    }

    /** One of the valid files, changed a few times. */
    private static byte[] mutated(List<byte[]> valid, SplittableRandom random) {
        byte[] bytes = valid.get(random.nextInt(valid.size())).clone();
        for (int i = random.nextInt(1, 4); i > 0 && bytes.length > 0; i--) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(6)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextInt();
                case 2 -> bytes = Arrays.copyOf(bytes, at);
                case 3 -> {
                    byte[] other = valid.get(random.nextInt(valid.size()));
                    int from = random.nextInt(other.length);
                    int length = Math.min(other.length - from, bytes.length - at);
                    System.arraycopy(other, from, bytes, at, length);
                }
                case 4 -> {
                    if (bytes.length >= 4) {
                        int[] lies = {0, 1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 4096, 100_000, 1 << 16};
                        int place = random.nextBoolean() ? random.nextInt(Math.min(8, bytes.length / 4)) * 4 : at;
                        ByteBuffer.wrap(bytes)
                                .putInt(Math.min(place, bytes.length - 4), lies[random.nextInt(lies.length)]);
                    }
                }
                default -> bytes = Arrays.copyOf(bytes, bytes.length + random.nextInt(1, 40));
            }
        }
        return bytes;
    }

    private void attack(List<byte[]> valid, long seed, boolean checksums, Path file, Reading reading) {
        int read = 0;
        for (int i = 0; i < CASES; i++) {
            byte[] bytes = mutated(valid, new SplittableRandom(seed + i));
            if (checksums && i % 4 != 0) {
                makeChecksumsRight(bytes);
            }
            long begun = System.nanoTime();
            try {
                reading.read(bytes);
                read++;
            } catch (IOException e) {
                assertThat(e)
                        .as("seed %d", seed + i)
                        .hasMessageContaining(file.getFileName().toString());
            } catch (RuntimeException | Error e) {
                throw new AssertionError(
                        "seed " + (seed + i) + ": " + HexFormat.of().formatHex(bytes), e);
            }
            assertThat(System.nanoTime() - begun)
                    .as("time of seed %d", seed + i)
                    .isLessThan(TimeUnit.SECONDS.toNanos(20));
        }
        assertThat(read).as("some changes do no harm, or nothing was tried").isPositive();
    }

    /** So that the decoder sees the change, and not only the first check of all. */
    private static void makeChecksumsRight(byte[] bytes) {
        ByteBuffer view = ByteBuffer.wrap(bytes);
        int at = 8;
        while (at >= 0 && at <= bytes.length - 12) {
            int length = view.getInt(at);
            if (length < 0 || length > bytes.length - at - 12) {
                return;
            }
            CRC32 checksum = new CRC32();
            checksum.update(bytes, at + 4, length + 4);
            view.putInt(at + 8 + length, (int) checksum.getValue());
            at += 12 + length;
        }
    }

    private static byte[] png(int type, int side) throws IOException {
        BufferedImage image = new BufferedImage(side, side, type);
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                image.setRGB(x, y, 0xff000000 | x * 4711 * (y + 1));
            }
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        assertThat(ImageIO.write(image, "png", bytes)).isTrue();
        return bytes.toByteArray();
    }

    @Test
    void png() throws IOException {
        List<byte[]> valid = new ArrayList<>();
        for (int type : new int[] {
            BufferedImage.TYPE_BYTE_GRAY,
            BufferedImage.TYPE_INT_RGB,
            BufferedImage.TYPE_INT_ARGB,
            BufferedImage.TYPE_USHORT_GRAY,
            BufferedImage.TYPE_BYTE_INDEXED,
            BufferedImage.TYPE_BYTE_BINARY
        }) {
            valid.add(png(type, 5));
            valid.add(png(type, 16));
        }
        Path file = Path.of("fuzzed.png");
        attack(valid, 1_000_000, true, file, bytes -> PngPixels.of(file, bytes));
    }

    private static byte[] idx(int magic, int[] axes, int bytes) {
        ByteBuffer buffer = ByteBuffer.allocate(4 + 4 * axes.length + bytes).putInt(magic);
        for (int axis : axes) {
            buffer.putInt(axis);
        }
        for (int i = 0; i < bytes; i++) {
            buffer.put((byte) (i % 10));
        }
        return buffer.array();
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    private void attackIdx(boolean zipped, long seed) throws IOException {
        byte[] images = idx(0x0803, new int[] {12, 3, 4}, 144);
        byte[] labels = idx(0x0801, new int[] {12}, 12);
        Path file = Path.of("fuzzed");
        List<byte[]> valid = zipped ? List.of(gzip(images), gzip(labels)) : List.of(images, labels);
        attack(valid, seed, false, file, bytes -> IdxImages.images(file, new ByteArrayInputStream(bytes), new int[2]));
        attack(valid, seed, false, file, bytes -> IdxImages.labels(file, new ByteArrayInputStream(bytes)));
    }

    @Test
    void idx() throws IOException {
        attackIdx(false, 2_000_000);
    }

    @Test
    void zippedIdx() throws IOException {
        attackIdx(true, 3_000_000);
    }
}
