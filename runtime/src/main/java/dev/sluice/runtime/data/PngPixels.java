package dev.sluice.runtime.data;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * One decoded PNG file (W3C PNG specification).
 *
 * @param values one byte a channel value, channel by channel, row by row
 */
record PngPixels(int channels, int height, int width, byte[] values) {
    private static final long SIGNATURE = 0x89504e470d0a1a0aL;
    private static final int IHDR = 0x49484452;
    private static final int IEND = 0x49454e44;
    private static final int HEADER_BYTES = 33;

    /** Deflate makes nothing smaller than by this factor, so a small file of a large image is a lie. */
    private static final long MOST_DEFLATED = 1032;

    /** No image within {@link PixelDataset#MAX_SIDE} needs a larger file. */
    private static final long MAX_FILE_BYTES = 256L << 20;

    /** What must be the same for all images of a dataset, in words. */
    String kind() {
        return width + "×" + height + (channels == 1 ? " grey" : " colour");
    }

    /** The header is checked before anything is allocated by what it says. */
    static PngPixels read(Path file) throws IOException {
        if (Files.isSymbolicLink(file) && !Files.exists(file)) {
            throw new IOException(file + " is a link to " + Files.readSymbolicLink(file) + ", which is not there: fetch"
                    + " that, or remove the link");
        }
        if (!Files.isRegularFile(file)) {
            throw new IOException(file + " is not a file: move it away");
        }
        if (!Files.isReadable(file)) {
            throw new IOException(file + " cannot be read by this user");
        }
        if (Files.size(file) > MAX_FILE_BYTES) {
            throw new IOException(file + " has " + Files.size(file) + " bytes; at most " + MAX_FILE_BYTES + " can be");
        }
        return of(file, Files.readAllBytes(file));
    }

    /** {@code bytes} are the content of {@code file}. */
    static PngPixels of(Path file, byte[] bytes) throws IOException {
        ByteBuffer header = ByteBuffer.wrap(bytes);
        if (bytes.length < HEADER_BYTES || header.getLong(0) != SIGNATURE || header.getInt(12) != IHDR) {
            throw new IOException(file + " is not a PNG file, whatever its name says"
                    + Signature.of(bytes)
                            .filter(kind -> !kind.equals(Signature.PNG))
                            .map(kind -> ": it is " + kind)
                            .orElse(""));
        }
        int width = header.getInt(16);
        int height = header.getInt(20);
        if (width < 1 || height < 1 || width > PixelDataset.MAX_SIDE || height > PixelDataset.MAX_SIDE) {
            throw new IOException(file + " announces " + Integer.toUnsignedString(width) + "×"
                    + Integer.toUnsignedString(height) + " pixels; 1 to " + PixelDataset.MAX_SIDE + " a side can be");
        }
        int colourType = bytes[25];
        long smallest = (long) width * height * Math.max(1, bytes[24] & 0xff) / 8 / MOST_DEFLATED;
        if (bytes.length < smallest) {
            throw new IOException(file + " is a damaged PNG: it announces " + width + "×" + height
                    + " pixels, which its " + bytes.length + " bytes cannot hold; fetch it again");
        }
        requireWhole(file, header);
        boolean grey = colourType == 0 || colourType == 4;
        return pixels(file, decode(file, bytes), grey ? 1 : 3);
    }

    /** Java's decoder passes over a missing end and wrong checksums, and leaves part of the picture black. */
    private static void requireWhole(Path file, ByteBuffer bytes) throws IOException {
        bytes.position(Long.BYTES);
        int type = 0;
        while (type != IEND) {
            if (bytes.remaining() < 12) {
                throw new IOException(file + " is torn: it ends in the middle; fetch it again");
            }
            int length = bytes.getInt();
            if (length < 0 || length > bytes.remaining() - 8) {
                throw new IOException(file + " is torn: it ends in the middle; fetch it again");
            }
            type = bytes.getInt(bytes.position());
            CRC32 checksum = new CRC32();
            checksum.update(bytes.array(), bytes.position(), length + 4);
            bytes.position(bytes.position() + length + 4);
            if (bytes.getInt() != (int) checksum.getValue()) {
                throw new IOException(file + " is a torn or damaged PNG: a checksum is wrong; fetch it again");
            }
        }
    }

    private static BufferedImage decode(Path file, byte[] bytes) throws IOException {
        BufferedImage image;
        try {
            image = ImageIO.read(new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes)));
        } catch (IOException | RuntimeException e) {
            // The decoder answers some torn files with an index or argument error of its own.
            throw new IOException(file + " is a torn or damaged PNG: " + e.getMessage(), e);
        }
        if (image == null) {
            throw new IOException(file + " is a PNG of a kind that cannot be decoded");
        }
        return image;
    }

    /**
     * Reads the raster itself where it can: asking a grey image for its RGB sends it through a colour space that
     * changes the levels.
     */
    private static PngPixels pixels(Path file, BufferedImage image, int channels) throws IOException {
        int width = image.getWidth();
        int height = image.getHeight();
        Raster raster = image.getRaster();
        boolean palette = image.getColorModel() instanceof IndexColorModel;
        boolean alpha = image.getColorModel().hasAlpha();
        double most = (1 << raster.getSampleModel().getSampleSize(0)) - 1;
        byte[] values = new byte[channels * height * width];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                if (alpha && image.getRGB(x, y) >>> 24 != 0xff) {
                    throw new IOException(
                            file + " is transparent at pixel " + x + ", " + y + ": lay it over a background first");
                }
                for (int c = 0; c < channels; c++) {
                    int level = palette
                            ? image.getRGB(x, y) >> (16 - 8 * c) & 0xff
                            : (int) Math.round(raster.getSample(x, y, c) * 255 / most);
                    values[(c * height + y) * width + x] = (byte) level;
                }
            }
        }
        return new PngPixels(channels, height, width, values);
    }
}
