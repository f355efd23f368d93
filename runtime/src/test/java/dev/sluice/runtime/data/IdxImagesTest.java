package dev.sluice.runtime.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxImagesTest {
    private static final List<String> CLASSES = List.of("left", "right");

    @TempDir
    Path folder;

    private Path images;
    private Path labels;

    @BeforeEach
    void goodFiles() throws IOException {
        images = write("images", idx(new int[] {0x0803, 3, 2, 2}, 0, 255, 51, 204, 1, 2, 3, 4, 5, 6, 7, 8));
        labels = write("labels", idx(new int[] {0x0801, 3}, 1, 0, 1));
    }

    private Path write(String name, byte[] bytes) throws IOException {
        return Files.write(folder.resolve(name), bytes);
    }

    private static byte[] idx(int[] header, int... data) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * header.length + data.length);
        Arrays.stream(header).forEach(bytes::putInt);
        Arrays.stream(data).forEach(v -> bytes.put((byte) v));
        return bytes.array();
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    private void assertRefused(String... message) {
        assertThatThrownBy(() -> IdxImages.read(images, labels, CLASSES))
                .isInstanceOf(IOException.class)
                .message()
                .contains(message);
    }

    private void assertIsTheData(Dataset data) {
        assertThat(data.size()).isEqualTo(3);
        assertThat(data.sampleShape()).containsExactly(1, 2, 2);
        assertThat(data.classNames()).containsExactly("left", "right");
        Batch batch = data.batch(new int[] {2, 0, 0});
        assertThat(batch.x().shape()).containsExactly(3, 1, 2, 2);
        assertThat(batch.x().rows(1, 2).toFloats()).containsExactly(-1f, 1f, (float) (51 / 127.5 - 1), 0.6f);
        assertThat(batch.x().rows(2, 3)).isEqualTo(batch.x().rows(1, 2));
        assertThat(batch.x().floatAt(0)).isEqualTo((float) (5 / 127.5 - 1));
        assertThat(batch.labels().toLongs()).containsExactly(1, 1, 1);
        assertThat(data.batch(new int[] {1}).labels().toLongs()).containsExactly(0);
    }

    @Test
    void plainFilesAreRead() throws IOException {
        assertIsTheData(IdxImages.read(images, labels, CLASSES));
    }

    @Test
    void gzippedFilesAreReadWhateverTheirName() throws IOException {
        write("images", gzip(Files.readAllBytes(images)));
        write("labels", gzip(Files.readAllBytes(labels)));

        assertIsTheData(IdxImages.read(images, labels, CLASSES));
    }

    @Test
    void anIndexPastTheEndIsRefused() throws IOException {
        Dataset data = IdxImages.read(images, labels, CLASSES);

        assertThatThrownBy(() -> data.batch(new int[] {0, 3})).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> data.batch(new int[] {-1})).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void filesTornAnywhereAreRefused() throws IOException {
        for (byte[] whole : List.of(Files.readAllBytes(images), gzip(Files.readAllBytes(images)))) {
            for (int length = 0; length < whole.length; length++) {
                write("images", Arrays.copyOf(whole, length));
                assertThatThrownBy(() -> IdxImages.read(images, labels, CLASSES))
                        .as("the first %d bytes", length)
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining(images + " ");
            }
        }
        write("images", Arrays.copyOf(idx(new int[] {0x0803, 3, 2, 2}, 1, 2, 3), 19));
        assertRefused(images.toString(), "it is torn", "announces 12 bytes of data, 3 are there");
        write("images", new byte[] {0, 0, 8});
        assertRefused(images + " is torn: it ends too early");
    }

    @Test
    void damagedCompressionIsRefused() throws IOException {
        byte[] bytes = gzip(Files.readAllBytes(images));
        bytes[bytes.length - 6] ^= 1;
        write("images", bytes);

        assertRefused(images + " cannot be read as IDX");
    }

    @Test
    void headersThatLieAreRefused() throws IOException {
        write("images", idx(new int[] {0x0803, 3, -2, 2}));
        assertRefused("announces 4294967294 rows; 1 to 4096 can be");
        write("images", idx(new int[] {0x0803, 3, 2, 5000}));
        assertRefused("announces 5000 columns");
        write("images", idx(new int[] {0x0803, 0, 2, 2}));
        assertRefused("announces 0 images");
        write("images", idx(new int[] {0x0803, Integer.MAX_VALUE, 4096, 4096}));
        assertRefused("at most 1073741824 are read");
        write("images", idx(new int[] {0x0803, 1 << 18, 64, 64}, 1, 2));
        assertRefused("announces 1073741824 bytes of data, 2 are there");
        write("images", idx(new int[] {0x0803, 1, 2, 2}, 1, 2, 3, 4, 5));
        assertRefused("more data follows than the 4 bytes");
    }

    @Test
    void swappedFilesAreRefused() {
        Path swapped = images;
        images = labels;
        labels = swapped;

        assertRefused("labels cannot be read as IDX: it starts with 0x00000801", "images", "with 0x00000803");
    }

    @Test
    void labelsOfOtherImagesAreRefused() throws IOException {
        write("labels", idx(new int[] {0x0801, 2}, 0, 1));
        assertRefused("holds 2 labels", "holds 3 images: they do not belong together");
    }

    @Test
    void aLabelWithoutAClassIsRefused() throws IOException {
        write("labels", idx(new int[] {0x0801, 3}, 0, 200, 1));
        assertRefused(labels + ": image 1 has the label 200, but the classes are 0 to 1");
    }

    @Test
    void fashionMnistIsFoundByItsNamesPlainOrZipped() throws IOException {
        Files.move(labels, folder.resolve("train-labels-idx1-ubyte"));
        write("train-images-idx3-ubyte.gz", gzip(Files.readAllBytes(images)));
        write("t10k-images-idx3-ubyte", idx(new int[] {0x0803, 1, 1, 1}, 9));
        write("t10k-labels-idx1-ubyte", idx(new int[] {0x0801, 1}, 9));

        Dataset train = Datasets.open("fashion-mnist:" + folder);
        Dataset heldOut = Datasets.open("fashion-mnist-held-out:" + folder);

        assertThat(train.size()).isEqualTo(3);
        assertThat(train.classNames()).hasSize(10).startsWith("T-shirt/top").endsWith("Ankle boot");
        assertThat(heldOut.batch(new int[] {0}).labels().toLongs()).containsExactly(9);
    }

    @Test
    void aMissingFashionMnistSaysWhereToGetIt() {
        assertThatThrownBy(() -> FashionMnist.open(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(folder + " has no train-images-idx3-ubyte (or train-images-idx3-ubyte.gz)")
                .hasMessageContaining("Debian the package dataset-fashion-mnist");
        assertThatThrownBy(() -> FashionMnist.open(folder.resolve("gone")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("gone is not a folder");
    }

    @Test
    void whatIsNoIdxFileIsSaidToBeWhatItIs() throws IOException {
        write("images", gzip(gzip(Files.readAllBytes(images))));
        assertRefused(images + " cannot be read as IDX: it is compressed by gzip; run gunzip on it");
        write("images", "<!DOCTYPE html><html><body>404</body></html>".getBytes(StandardCharsets.UTF_8));
        assertRefused(images + " cannot be read as IDX: it is a web page: its download went wrong; fetch it again");
        write("images", "version https://git-lfs.github.com/spec/v1".getBytes(StandardCharsets.UTF_8));
        assertRefused("it is a pointer of Git LFS and not the file itself; run git lfs pull");
        write("images", new byte[] {'P', 'K', 3, 4, 0, 0, 0, 0});
        assertRefused("it is a ZIP archive; unpack it");
    }

    @Test
    void torchvisionsFoldersAndNamesWithADotAreFound() throws IOException {
        for (String place : List.of("dots/", "torchvision/FashionMNIST/raw/", "inner/raw/")) {
            Path there = Files.createDirectories(folder.resolve(place));
            String between = place.startsWith("dots") ? "." : "-";
            Files.copy(images, there.resolve("train-images" + between + "idx3-ubyte"));
            Files.copy(labels, there.resolve("train-labels" + between + "idx1-ubyte"));
        }
        for (String root : List.of("dots", "torchvision", "inner")) {
            assertThat(FashionMnist.open(folder.resolve(root)).size()).as(root).isEqualTo(3);
        }
    }

    @Test
    void theDigitsOfMnistAreNotTakenForGarments() throws IOException {
        Path root = Files.createDirectories(folder.resolve("MNIST"));
        int[] pixels = new int[40];
        Files.write(root.resolve("train-images-idx3-ubyte"), idx(new int[] {0x0803, 10, 2, 2}, pixels));
        Path digits = Files.write(
                root.resolve("train-labels-idx1-ubyte"), idx(new int[] {0x0801, 10}, 5, 0, 4, 1, 9, 2, 1, 3, 1, 4));
        assertThatThrownBy(() -> FashionMnist.open(root))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(digits + " belongs to the digits of MNIST")
                .hasMessageContaining("github.com/zalandoresearch/fashion-mnist");

        Files.write(digits, idx(new int[] {0x0801, 10}, 9, 0, 0, 3, 0, 2, 7, 2, 5, 5));
        assertThat(FashionMnist.open(root).size()).isEqualTo(10);
    }

    @Test
    void emnistIsNamed() throws IOException {
        write("emnist-letters-train-images-idx3-ubyte.gz", gzip(Files.readAllBytes(images)));
        assertThatThrownBy(() -> FashionMnist.open(folder))
                .hasMessageContaining("emnist-letters-train-images-idx3-ubyte.gz in it holds other images");
    }
}
