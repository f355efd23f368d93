package dev.sluice.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ShownTest {
    @Test
    void whatIsShortIsShownWhole() {
        assertThat(Shown.text(100, "two\nlines, \"é\"")).isEqualTo("two\nlines, \"é\"");
        assertThat(Shown.line(100, "a line, \"é\"")).isEqualTo("a line, \"é\"");
    }

    @Test
    void aLongTextHasItsBeginningItsEndAndItsLength() {
        assertThat(Shown.text(60, "begin" + "x".repeat(1000) + "end"))
                .hasSizeLessThanOrEqualTo(60)
                .startsWith("begin")
                .contains("(1008 characters)")
                .endsWith("end");
        assertThat(Shown.line(10, "begin" + "x".repeat(1000))).isEqualTo("beginxxxxx…");
    }

    @Test
    void noTerminalIsSteered() {
        assertThat(Shown.text(100, "a\u001b[31m\r\u0007b\nc")).isEqualTo("a [31m  b\nc");
        assertThat(Shown.line(100, "a\u001b[31m\nb\0")).isEqualTo("a\ufffd[31m\ufffdb\ufffd");
    }

    @Test
    void noCharacterIsCutInHalf() {
        String pairs = "\ud83d\ude00".repeat(50);

        assertThat(Shown.line(9, pairs)).isEqualTo("\ud83d\ude00".repeat(4) + "?…");
        assertThat(Shown.text(61, pairs)).contains("?").satisfies(text -> assertThat(
                        new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8))
                .isEqualTo(text));
    }
}
