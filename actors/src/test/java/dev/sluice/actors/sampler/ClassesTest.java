package dev.sluice.actors.sampler;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ClassesTest {
    /** As folders of digits sort. */
    private static final List<String> DIGITS = List.of("0", "1", "10", "2", "3");

    @Test
    void aNameThatIsANumberComesBeforeTheIndex() {
        assertThat(Classes.index(DIGITS, "2")).hasValue(3);
        assertThat(Classes.index(DIGITS, "10")).hasValue(2);
        assertThat(Classes.index(DIGITS, "4")).as("no name: the index").hasValue(4);
        assertThat(Classes.index(DIGITS, "5")).isEmpty();
    }

    @Test
    void namesThatDifferInCaseOnlyAreToldApartAndOtherwiseCaseDoesNotMatter() {
        List<String> names = List.of("Bag", "bag", "Ankle boot");
        assertThat(Classes.index(names, "bag")).hasValue(1);
        assertThat(Classes.index(names, "BAG")).hasValue(0);
        assertThat(Classes.index(names, "ankle BOOT")).hasValue(2);
        assertThat(Classes.index(List.of(), "0")).isEmpty();
    }
}
