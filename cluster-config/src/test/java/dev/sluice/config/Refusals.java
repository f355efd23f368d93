package dev.sluice.config;

import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** What a reading was refused for. */
final class Refusals {
    private Refusals() {}

    static List<String> of(ThrowingCallable reading) {
        BadSettings refusal = catchThrowableOfType(BadSettings.class, reading);
        if (refusal == null) {
            throw new AssertionError("was not refused");
        }
        return refusal.problems();
    }
}
