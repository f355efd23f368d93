package dev.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;

/**
 * Whatever is submitted is read, or refused by a message of bounded length, in bounded time: the experiments that ship,
 * damaged, and texts that ask much of a parser. A case is known by its seed.
 */
class SubmittedFuzzTest {
    private static final Path HOME = Path.of(System.getProperty("sluice.home"));
    private static final DeploymentSettings HERE = DeploymentSettings.load("one-process", List.of(), HOME);

    /** Of the thread, not of the wall: whatever else this machine does. */
    private static final Duration MOST = Duration.ofSeconds(3);

    private static final List<String> SEEDS = List.of(
            shipped("fashion"),
            shipped("mixture-2d"),
            shipped("quick"),
            Settings.submission("fashion", List.of(), HOME),
            "include classpath(\"experiments/quick.conf\")\nexperiment { name = fuzzed, recipe.seed = 7 }\n");

    private static final List<String> PIECES = List.of(
            "{",
            "}",
            "[",
            "]",
            "\"",
            "\"\"\"",
            "${",
            "${?",
            "}",
            "+=",
            "=",
            ":",
            ",",
            ".",
            "\n",
            "\r",
            "\0",
            "#",
            "//",
            "\\",
            "\\u0000",
            "\\ud800",
            "null",
            "[null]",
            "true",
            "infinity",
            "NaN",
            "-0",
            "1e999999999",
            "1e-999999999",
            "1e99999999999",
            "0x10",
            "9223372036854775808",
            "1.0000000000000000000000000000001",
            "999999999999h",
            "-1s",
            "5",
            "é",
            "\u2028",
            "\uFEFF",
            "\u00A0",
            "\uD83D\uDE00",
            "\uD83D",
            "include \"x\"",
            "include classpath(\"x\")",
            "include classpath(\"experiments/fashion.conf\")",
            "include url(\"http://127.0.0.1:9/\")",
            "experiment",
            "experiment.recipe",
            "checkpoint",
            "supervision",
            "serving",
            "node",
            "method = phased-dmd",
            "method = dmd",
            "timesteps = [null]",
            "cycles = [[1]]",
            "boundaries = {}",
            "teacher = [a]",
            "teacher = \"/dev/zero\"",
            "recipe.generator.clip-norm = infinity",
            "name = \"\"",
            "name = null",
            "\"\" = 1",
            "\"a.b\".\"\" = {}");

    private static String shipped(String name) {
        try (var in = SettingsReader.class.getClassLoader().getResourceAsStream("experiments/" + name + ".conf")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Property(tries = 10_000, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
    void aDamagedExperiment(@ForAll long seed) {
        Random random = new Random(seed);
        StringBuilder text = new StringBuilder(SEEDS.get(random.nextInt(SEEDS.size())));
        for (int i = random.nextInt(6); i >= 0; i--) {
            damage(text, random);
        }
        submit(text.toString());
    }

    private static void damage(StringBuilder text, Random random) {
        int at = random.nextInt(text.length() + 1);
        int to = Math.min(text.length(), at + random.nextInt(40));
        switch (random.nextInt(7)) {
            case 0 -> text.delete(at, to);
            case 1 -> text.insert(at, PIECES.get(random.nextInt(PIECES.size())));
            case 2 -> text.replace(at, to, PIECES.get(random.nextInt(PIECES.size())));
            case 3 -> text.insert(at, text.substring(at, to).repeat(random.nextInt(50)));
            case 4 -> text.setLength(at);
            case 5 -> text.append('\n').append(SEEDS.get(random.nextInt(SEEDS.size())));
            default -> afterAnEquals(text, random);
        }
    }

    /** Most of what is damaged anywhere is no HOCON any more; this still is, mostly. */
    private static void afterAnEquals(StringBuilder text, Random random) {
        int equals = text.indexOf("=", random.nextInt(text.length() + 1));
        int end = text.indexOf("\n", equals);
        if (equals >= 0 && end >= 0) {
            text.replace(equals + 1, end, PIECES.get(random.nextInt(PIECES.size())));
        }
    }

    @Property(tries = 2_000, shrinking = ShrinkingMode.OFF, edgeCases = EdgeCasesMode.NONE)
    void aTextThatAsksForMuch(@ForAll long seed) {
        submit(hostile(new Random(seed)));
    }

    private static String hostile(Random random) {
        int n = 1 << random.nextInt(13);
        String piece = PIECES.get(random.nextInt(PIECES.size()));
        String key = "experiment."
                + List.of("timesteps", "cycles", "boundaries", "name", "teacher", "recipe.seed", "x")
                        .get(random.nextInt(7));
        return switch (random.nextInt(14)) {
            case 0 -> "{a:".repeat(n) + piece + "}".repeat(n);
            case 1 -> key + " = " + "[".repeat(n) + piece + "]".repeat(n);
            case 2 -> "a.".repeat(n) + "a = " + piece;
            case 3 -> key + " = " + piece.repeat(n);
            case 4 -> key + " = " + (piece + " ").repeat(n);
            case 5 -> key + " = [" + (piece + ", ").repeat(n) + "]";
            case 6 -> (key + " = " + piece + '\n').repeat(n);
            case 7 -> key + " = " + "9".repeat(n * 8);
            case 8 -> key + " = [1" + ", 0.5".repeat(n) + ", 0]";
            case 9 -> key + " = " + "{a:1}".repeat(n);
            case 10 -> "experiment." + "k".repeat(n * 8) + " { " + "a" + piece + " = 1, b = 2 }";
            case 11 -> {
                StringBuilder text = new StringBuilder();
                for (int i = 0; i < n; i++) {
                    text.append("experiment.k").append(i).append(" = 1\n");
                }
                yield text.toString();
            }
            case 12 -> {
                StringBuilder text = new StringBuilder("x0 = y\n");
                for (int i = 1; i < 24; i++) {
                    text.append("x%d = ${x%d}${x%d}%n".formatted(i, i - 1, i - 1));
                }
                yield text.toString();
            }
            default -> {
                StringBuilder text = new StringBuilder();
                for (int i = 0; i < n; i++) {
                    text.append(PIECES.get(random.nextInt(PIECES.size()))).append(random.nextBoolean() ? " " : "");
                }
                yield text.toString();
            }
        };
    }

    private static void submit(String text) {
        var threads = ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadCpuTime();
        try {
            Settings settings = Settings.submitted(text, HERE, HOME);
            assertThat(settings.serving()).isSameAs(HERE.serving());
            assertThat(settings.node()).isSameAs(HERE.node());
        } catch (BadSettings refused) {
            assertThat(refused.getMessage()).hasSizeLessThanOrEqualTo(BadSettings.MOST_CHARACTERS);
            assertThat(StandardCharsets.UTF_8.newEncoder().canEncode(refused.getMessage()))
                    .isTrue();
        } catch (Throwable other) {
            fail("neither read nor refused: " + text, other);
        }
        assertThat(Duration.ofNanos(threads.getCurrentThreadCpuTime() - before))
                .as(text.substring(0, Math.min(200, text.length())))
                .isLessThan(MOST);
    }
}
