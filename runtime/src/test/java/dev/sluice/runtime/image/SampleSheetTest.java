package dev.sluice.runtime.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Tensor;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SampleSheetTest {
    private static final int MARGIN = 16;
    private static final int TITLE = 24;
    private static final int BLUE = 0xff1f5fa8;

    @TempDir
    Path folder;

    private static Tensor flat(int n, int channels, int side, float... levels) {
        float[] values = new float[n * channels * side * side];
        for (int i = 0; i < values.length; i++) {
            values[i] = levels[i / (side * side) % levels.length];
        }
        return Tensor.of(values, n, channels, side, side);
    }

    private static Tensor gaussian(int n, int dimensions, double scale) {
        Random random = new Random(n);
        float[] values = new float[n * dimensions];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (scale * random.nextGaussian());
        }
        return Tensor.of(values, n, dimensions);
    }

    private static long notWhite(BufferedImage image) {
        return Arrays.stream(image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth()))
                .filter(p -> p != 0xffffffff)
                .count();
    }

    @Test
    void aGridIsNearSquareScaledAndSeparatedByWhite() {
        BufferedImage sheet = SampleSheet.draw(List.of("t"), List.of(flat(5, 1, 28, -1, 0, 1)));

        // 5 images: 3 columns, 2 rows of 28 × 4 pixels with gaps of 2.
        assertThat(sheet.getWidth()).isEqualTo(2 * MARGIN + 3 * 112 + 2 * 2);
        assertThat(sheet.getHeight()).isEqualTo(2 * MARGIN + TITLE + 2 * 112 + 2);
        int top = MARGIN + TITLE;
        assertThat(sheet.getRGB(MARGIN, top)).isEqualTo(0xff000000);
        assertThat(sheet.getRGB(MARGIN + 111, top + 111)).isEqualTo(0xff000000);
        assertThat(sheet.getRGB(MARGIN + 112, top)).isEqualTo(0xffffffff);
        assertThat(sheet.getRGB(MARGIN + 114, top)).isEqualTo(0xff808080);
        assertThat(sheet.getRGB(MARGIN, top + 114)).isEqualTo(0xff000000);
        assertThat(sheet.getRGB(MARGIN + 2 * 114, top + 114))
                .as("no sixth image")
                .isEqualTo(0xffffffff);
    }

    @Test
    void columnsCanBeChosenAndColourIsKept() {
        Tensor red = flat(4, 3, 64, 1, -1, -1);

        BufferedImage sheet = SampleSheet.draw(List.of("a", "b"), List.of(red, red), 4);

        assertThat(sheet.getWidth()).isEqualTo(2 * MARGIN + 2 * (4 * 66 - 2) + 24);
        assertThat(sheet.getHeight()).isEqualTo(2 * MARGIN + TITLE + 64);
        assertThat(sheet.getRGB(MARGIN + 4 * 66 - 2 + 24, MARGIN + TITLE)).isEqualTo(0xffff0000);
    }

    @Test
    void titlesAreDrawnWhereThereAreFontsAndLeftAwayWhereNot() {
        List<Tensor> panels = List.of(flat(1, 1, 28, 1));

        BufferedImage without = SampleSheet.draw(List.of("title"), panels, 0, new Lettering(Optional.empty()));
        BufferedImage longTitle = SampleSheet.draw(List.of("a title much longer than its panel"), panels);

        assertThat(notWhite(without)).isZero();
        assertThat(longTitle.getWidth()).isGreaterThan(without.getWidth());
        assertThat(notWhite(longTitle)).isGreaterThan(100);
    }

    @Test
    void plotsAreDrawnWithoutFontsToo() {
        BufferedImage sheet =
                SampleSheet.draw(List.of("p"), List.of(gaussian(100, 2, 1)), 0, new Lettering(Optional.empty()));

        assertThat(notWhite(sheet)).isGreaterThan(1000);
    }

    @Test
    void everyBarOfAHistogramStandsForItsShare() {
        Tensor points = Tensor.of(new float[] {-1, 2, 2, 2}, 4, 1);

        BufferedImage sheet = SampleSheet.draw(List.of("h"), List.of(points));

        int[] heights = new int[sheet.getWidth()];
        for (int x = 0; x < sheet.getWidth(); x++) {
            for (int y = MARGIN + TITLE; y < sheet.getHeight(); y++) {
                heights[x] += sheet.getRGB(x, y) == BLUE ? 1 : 0;
            }
        }
        int left = Arrays.stream(heights, 0, sheet.getWidth() / 2).max().orElseThrow();
        int right = Arrays.stream(heights, sheet.getWidth() / 2, sheet.getWidth())
                .max()
                .orElseThrow();
        assertThat(left).isBetween(100, 120);
        assertThat(right).isBetween(3 * left - 3, 3 * left + 3);
    }

    @Test
    void explodedPanelsAreDrawn() {
        Tensor nothingFinite = Tensor.of(new float[] {Float.NaN, Float.POSITIVE_INFINITY}, 1, 2);
        Tensor huge = gaussian(200, 2, 1e30);
        Tensor onePoint = Tensor.of(new float[20], 10, 2);
        List<String> titles = List.of("a", "b", "c", "d");

        assertThat(notWhite(SampleSheet.draw(titles, List.of(gaussian(50, 2, 1), nothingFinite, huge, onePoint))))
                .isGreaterThan(1000);
        assertThat(notWhite(SampleSheet.draw(titles, List.of(onePoint, nothingFinite, huge, onePoint))))
                .isGreaterThan(1000);
        assertThat(notWhite(SampleSheet.draw(List.of("h"), List.of(nothingFinite.reshape(2, 1)))))
                .isGreaterThan(500);
    }

    @Test
    void pngHasTheImagesOwnSizeAndClampedLevels() throws IOException {
        Tensor grey = Tensor.of(new float[] {-7, -1, 0.6f, 1, 9, Float.NaN}, 1, 2, 3);

        BufferedImage image = ImageIO.read(new ByteArrayInputStream(SampleSheet.png(grey)));

        assertThat(image.getWidth()).isEqualTo(3);
        assertThat(image.getHeight()).isEqualTo(2);
        assertThat(image.getRaster().getNumBands()).isEqualTo(1);
        assertThat(image.getRaster().getSamples(0, 0, 3, 2, 0, (int[]) null)).containsExactly(0, 0, 204, 255, 255, 128);
        Tensor colour = Tensor.of(new float[] {1, -1, 0.6f}, 3, 1, 1);
        assertThat(ImageIO.read(new ByteArrayInputStream(SampleSheet.png(colour)))
                        .getRGB(0, 0))
                .isEqualTo(0xffff00cc);
    }

    @Test
    void writtenSheetsAreThoseDrawn() throws IOException {
        BufferedImage sheet = SampleSheet.draw(List.of("points"), List.of(gaussian(100, 2, 1)));
        Path file = folder.resolve("sheet.png");

        SampleSheet.write(file, sheet);

        BufferedImage read = ImageIO.read(file.toFile());
        assertThat(read.getRGB(0, 0, sheet.getWidth(), sheet.getHeight(), null, 0, sheet.getWidth()))
                .isEqualTo(sheet.getRGB(0, 0, sheet.getWidth(), sheet.getHeight(), null, 0, sheet.getWidth()));
        assertThatThrownBy(() -> SampleSheet.write(folder.resolve("gone").resolve("s.png"), sheet))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("does not exist");
    }

    @Test
    void whatCannotBeDrawnIsRefused() {
        Tensor images = flat(1, 1, 4, 0);
        Tensor points = gaussian(3, 2, 1);

        assertThatThrownBy(() -> SampleSheet.draw(List.of(), List.of())).hasMessageContaining("0 titles for 0 panels");
        assertThatThrownBy(() -> SampleSheet.draw(List.of("a"), List.of(images, images)))
                .hasMessageContaining("1 titles for 2 panels");
        assertThatThrownBy(() -> SampleSheet.draw(List.of("a"), List.of(images), -1))
                .hasMessageContaining("columns = -1");
        assertThatThrownBy(() -> SampleSheet.draw(List.of("a", "b"), List.of(points, images)))
                .hasMessageContaining("cannot draw FLOAT32[1, 1, 4, 4] beside FLOAT32[3, 2]");
        assertThatThrownBy(() -> SampleSheet.draw(List.of("a"), List.of(Tensor.of(new float[8], 1, 2, 2, 2))))
                .hasMessageContaining("cannot draw FLOAT32[1, 2, 2, 2]");
        assertThatThrownBy(() -> SampleSheet.draw(List.of("a"), List.of(Tensor.of(new float[0], 0, 2))))
                .hasMessageContaining("n ≥ 1");
        assertThatThrownBy(() -> SampleSheet.draw(List.of("a"), List.of(Tensor.of(new float[9], 3, 3))))
                .hasMessageContaining("an image is FLOAT32 [C, H, W]");
        assertThatThrownBy(() -> SampleSheet.draw(List.of("a"), List.of(flat(20_000, 1, 1, 0))))
                .hasMessageContaining("show fewer samples or panels");
        assertThatThrownBy(() -> SampleSheet.png(images)).hasMessageContaining("an image is FLOAT32 [C, H, W]");
    }
}
