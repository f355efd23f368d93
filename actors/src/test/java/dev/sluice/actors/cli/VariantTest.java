package dev.sluice.actors.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VariantTest {
    @Test
    void nameAndSettings() {
        assertThat(Variant.parse("long:experiment.cycles=[400,100]; experiment.recipe.critic-updates=2"))
                .isEqualTo(new Variant(
                        "long", List.of("experiment.cycles=[400,100]", "experiment.recipe.critic-updates=2")));
        assertThat(Variant.parse("as-it-is")).isEqualTo(new Variant("as-it-is", List.of()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ":a=b", "../up:a=b", "Upper:a=b", "x:nothing", "x:=1"})
    void whatIsNoVariantIsRefused(String text) {
        assertThatThrownBy(() -> Variant.parse(text))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("--variant " + text + " must be written NAME:key=value");
    }

    @Test
    void theFourMethodsOfFig1() {
        assertThat(Variant.methods())
                .extracting(Variant::name)
                .containsExactly("dmd", "dmd-sgts", "phased-dmd", "phased-dmd-sgts");
        assertThat(Variant.methods().get(3).settings()).containsExactly("experiment.method=phased-dmd-sgts");
    }
}
