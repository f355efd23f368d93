package dev.sluice.runtime.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.protocol.Tensor;
import dev.sluice.runtime.image.SampleSheet;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PngFolderTest {
    @TempDir
    Path folder;

    /** All 256 levels, so that any change of levels on the way shows. */
    private static Tensor ramp(int channels) {
        float[] values = new float[channels * 256];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) ((i * 7 & 0xff) / 127.5 - 1);
        }
        return Tensor.of(values, channels, 16, 16);
    }

    private Path write(String name, byte[] bytes) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.write(file, bytes);
    }

    private Path write(String name, BufferedImage image) throws IOException {
        Path file = folder.resolve(name);
        assertThat(ImageIO.write(image, "png", file.toFile())).isTrue();
        return file;
    }

    private void assertRefused(String... message) {
        assertThatThrownBy(() -> PngFolder.read(folder))
                .isInstanceOf(IOException.class)
                .message()
                .contains(message);
    }

    @Test
    void greyAndColourImagesComeBackLevelByLevel() throws IOException {
        for (int channels : new int[] {1, 3}) {
            write("a.png", SampleSheet.png(ramp(channels)));

            Dataset data = PngFolder.read(folder);

            assertThat(data.sampleShape()).containsExactly(channels, 16, 16);
            assertThat(data.classNames()).isEmpty();
            assertThat(data.batch(new int[] {0}).x().reshape(channels, 16, 16)).isEqualTo(ramp(channels));
            assertThat(data.batch(new int[] {0}).labels().toLongs()).containsExactly(0);
        }
    }

    @Test
    void subFoldersAreClassesInTheOrderOfTheirNames() throws IOException {
        write("dog/2.png", SampleSheet.png(Tensor.of(new float[] {-1}, 1, 1, 1)));
        write("cat/9.PNG", SampleSheet.png(Tensor.of(new float[] {1}, 1, 1, 1)));
        write("dog/1.png", SampleSheet.png(Tensor.of(new float[] {0.6f}, 1, 1, 1)));
        write("dog/.hidden", new byte[1]);

        Dataset data = Datasets.open("png:" + folder);

        assertThat(data.classNames()).containsExactly("cat", "dog");
        assertThat(data.size()).isEqualTo(3);
        Batch batch = data.batch(new int[] {0, 1, 2});
        assertThat(batch.labels().toLongs()).containsExactly(0, 1, 1);
        assertThat(batch.x().toFloats()).containsExactly(1, 0.6f, -1);
    }

    @Test
    void otherDepthsAndPalettesAreBroughtTo256Levels() throws IOException {
        BufferedImage deep = new BufferedImage(2, 1, BufferedImage.TYPE_USHORT_GRAY);
        deep.getRaster().setSample(0, 0, 0, 0xffff);
        deep.getRaster().setSample(1, 0, 0, 51 * 257);
        write("deep.png", deep);
        assertThat(PngFolder.read(folder).batch(new int[] {0}).x().toFloats())
                .containsExactly(1f, (float) (51 / 127.5 - 1));
        Files.delete(folder.resolve("deep.png"));

        BufferedImage palette = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_INDEXED);
        palette.setRGB(0, 0, 0xffff0000);
        palette.setRGB(1, 0, 0xff00ff00);
        write("palette.png", palette);
        assertThat(PngFolder.read(folder).batch(new int[] {0}).x().toFloats()).containsExactly(1, -1, -1, 1, -1, -1);
        Files.delete(folder.resolve("palette.png"));

        BufferedImage twoLevels = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_BINARY);
        twoLevels.setRGB(1, 0, 0xffffffff);
        write("bits.png", twoLevels);
        Dataset bits = PngFolder.read(folder);
        assertThat(bits.batch(new int[] {0}).x().rows(0, 1).floatAt(0)).isEqualTo(-1);
        assertThat(bits.batch(new int[] {0}).x().rows(0, 1).floatAt(1)).isEqualTo(1);
    }

    @Test
    void opaqueAlphaIsIgnoredAndTransparencyRefused() throws IOException {
        BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_INT_ARGB);
        image.setRGB(0, 0, 0xff0000ff);
        image.setRGB(1, 0, 0xffffffff);
        write("a.png", image);
        assertThat(PngFolder.read(folder).batch(new int[] {0}).x().toFloats()).containsExactly(-1, 1, -1, 1, 1, 1);

        image.setRGB(1, 0, 0x80ffffff);
        Path file = write("a.png", image);
        assertRefused(file + " is transparent at pixel 1, 0");
    }

    @Test
    void imagesThatDifferAreNamed() throws IOException {
        Path first = write("a.png", SampleSheet.png(Tensor.of(new float[6], 1, 2, 3)));
        Path second = write("b.png", SampleSheet.png(Tensor.of(new float[6], 1, 3, 2)));
        assertRefused(second + " is 2×3 grey, but " + first + " is 3×2 grey");

        write("b.png", SampleSheet.png(Tensor.of(new float[18], 3, 2, 3)));
        assertRefused(second + " is 3×2 colour, but " + first + " is 3×2 grey");
    }

    @Test
    void aTornFileIsNamed() throws IOException {
        byte[] whole = SampleSheet.png(ramp(3));
        for (int length = 0; length < whole.length; length++) {
            Path file = write("torn.png", Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> PngFolder.read(folder))
                    .as("the first %d bytes", length)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(file + " is ");
        }
    }

    @Test
    void aDamagedFileIsNamed() throws IOException {
        byte[] whole = SampleSheet.png(ramp(3));
        for (int at = 0; at < whole.length; at++) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 0x10;
            Path file = write("damaged.png", damaged);
            assertThatThrownBy(() -> PngFolder.read(folder))
                    .as("byte %d changed", at)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(file + " ");
        }
    }

    /** Checksums protect against accidents only: whoever writes the file can make them right. */
    @Test
    void pixelsThatDoNotDecompressAreRefusedDespiteRightChecksums() throws IOException {
        byte[] bytes = SampleSheet.png(ramp(3));
        ByteBuffer view = ByteBuffer.wrap(bytes);
        int data = 33;
        assertThat(view.getInt(data + 4)).as("IDAT").isEqualTo(0x49444154);
        int length = view.getInt(data);
        Arrays.fill(bytes, data + 8, data + 8 + length, (byte) 0xff);
        CRC32 checksum = new CRC32();
        checksum.update(bytes, data + 4, length + 4);
        view.putInt(data + 8 + length, (int) checksum.getValue());
        Path file = write("bad.png", bytes);

        assertRefused(file + " is a torn or damaged PNG: ");
    }

    @Test
    void aFileOfAnotherKindIsNamed() throws IOException {
        Path fake = write("fake.png", new byte[100]);
        assertRefused(fake + " is not a PNG file, whatever its name says");
        Files.delete(fake);

        Path text = write("notes.txt", new byte[1]);
        assertRefused(text + " is not a PNG file: convert it or move it away");
    }

    @Test
    void aHeaderOfAGiantImageIsRefusedBeforeItIsDecoded() throws IOException {
        byte[] bytes = SampleSheet.png(ramp(1));
        ByteBuffer.wrap(bytes).putInt(16, -1).putInt(20, 1 << 20);
        Path file = write("giant.png", bytes);

        assertRefused(file + " announces 4294967295×1048576 pixels; 1 to 4096 a side can be");
    }

    @Test
    void foldersOfTheWrongShapeAreRefused() throws IOException {
        assertRefused(folder + " is empty");
        Files.createDirectory(folder.resolve("empty"));
        assertRefused(folder.resolve("empty") + " is a class without an image");
        write("stray.png", SampleSheet.png(ramp(1)));
        assertRefused("has sub-folders, which are classes, but also the file stray.png: move it into one of them");
        Files.delete(folder.resolve("stray.png"));
        Files.createDirectory(folder.resolve("empty").resolve("deeper"));
        assertRefused(folder.resolve("empty").resolve("deeper")
                + " is a folder in the class empty: sub-folders of a class are not"
                + " read; if " + folder.resolve("empty") + " holds the classes, give png:"
                + folder.resolve("empty"));
        assertThatThrownBy(() -> PngFolder.read(folder.resolve("gone"))).hasMessageContaining("gone is not a folder");
    }

    @Test
    void whatSystemsLeaveBehindIsPassedOver() throws IOException {
        write("cat/1.png", SampleSheet.png(ramp(1)));
        write("dog/1.png", SampleSheet.png(ramp(1)));
        for (String name :
                new String[] {".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/cat/._1.png", "lost+found/x"}) {
            write(name, new byte[1]);
            write("cat/" + name, new byte[1]);
        }
        write(".ipynb_checkpoints/1-checkpoint.png", new byte[1]);

        Dataset data = PngFolder.read(folder);

        assertThat(data.classNames()).containsExactly("cat", "dog");
        assertThat(data.size()).isEqualTo(2);
    }

    @Test
    void allStrangeFilesAreNamedAtOnce() throws IOException {
        write("cat/1.png", SampleSheet.png(ramp(1)));
        Path text = write("cat/README.txt", new byte[1]);
        Path lines = write("cat/metadata.jsonl", new byte[1]);
        Files.createDirectory(folder.resolve("empty"));
        assertRefused(
                "3 things are wrong with these images",
                text + " is not a PNG file",
                lines + " is not a PNG file",
                "empty is a class without an image");

        write("LICENSE", new byte[1]);
        write("classes.csv", new byte[1]);
        assertRefused(
                "5 things are wrong with these images",
                "has sub-folders, which are classes, but also the file LICENSE: move it",
                "has sub-folders, which are classes, but also the file classes.csv: move it",
                text + " is not a PNG file");
    }

    @Test
    void allStrangePicturesAreNamedAtOnceWithWhatTheyAre() throws IOException {
        write("1.png", SampleSheet.png(ramp(1)));
        Path jpeg = write("2.png", "\u00ff\u00d8\u00ff\u00e0____JFIF".repeat(9).getBytes(StandardCharsets.ISO_8859_1));
        Path webp = write("3.png", "RIFF____WEBPVP8 ".getBytes(StandardCharsets.ISO_8859_1));
        Path page = write("4.png", "<html>".getBytes(StandardCharsets.ISO_8859_1));
        Path colour = write("5.png", SampleSheet.png(ramp(3)));
        Path link = Files.createSymbolicLink(folder.resolve("6.png"), Path.of("nowhere.png"));
        assertRefused(
                "5 things are wrong with these images",
                jpeg + " is not a PNG file, whatever its name says: it is a JPEG picture; convert it to PNG",
                webp + " is not a PNG file, whatever its name says: it is a WebP picture",
                page + " is not a PNG file, whatever its name says: it is a web page",
                colour + " is 16×16 colour, but",
                link + " is a link to nowhere.png, which is not there");
    }

    @Test
    void partsOfADatasetAreNoClasses() throws IOException {
        for (String place :
                new String[] {"tv/train/cat/", "tv/Val/cat/", "flat/train/", "flat/test/", "im/images/", "im/masks/"}) {
            write(place + "1.png", SampleSheet.png(ramp(1)));
        }
        assertThatThrownBy(() -> PngFolder.read(folder.resolve("tv")))
                .hasMessageContaining("are parts of a dataset and not classes: give png:" + folder.resolve("tv/train"));
        assertThatThrownBy(() -> PngFolder.read(folder.resolve("flat")))
                .hasMessageContaining("holds test and train, which are parts")
                .hasMessageContaining("give png:" + folder.resolve("flat/train"));
        assertThatThrownBy(() -> PngFolder.read(folder.resolve("im")))
                .hasMessageContaining(
                        "holds images and masks, which are no classes: give png:" + folder.resolve("im/images"));
        assertThat(PngFolder.read(folder.resolve("tv/train")).classNames()).containsExactly("cat");
    }

    @Test
    void aSmallFileOfALargeImageIsRefusedBeforeItIsDecoded() throws IOException {
        byte[] bytes = SampleSheet.png(ramp(1));
        ByteBuffer view = ByteBuffer.wrap(bytes).putInt(16, 4096).putInt(20, 4096);
        CRC32 checksum = new CRC32();
        checksum.update(bytes, 12, 17);
        view.putInt(29, (int) checksum.getValue());
        Path file = write("lie.png", bytes);

        assertRefused(
                file + " is a damaged PNG: it announces 4096×4096 pixels, which its " + bytes.length + " bytes cannot");
    }
}
