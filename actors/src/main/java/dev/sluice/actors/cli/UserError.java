package dev.sluice.actors.cli;

import java.util.function.Supplier;

/** Something the user can mend; the message says what was wrong, where, and what to do. */
final class UserError extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UserError(String message) {
        super(message);
    }

    /** {@link #whenRefused(Supplier)} for a check. */
    static void whenRefused(Runnable check) {
        whenRefused(() -> {
            check.run();
            return null;
        });
    }

    /** What is made from the user's options, where a refused option is his to mend and not an error of ours. */
    static <T> T whenRefused(Supplier<T> fromOptions) {
        try {
            return fromOptions.get();
        } catch (IllegalArgumentException e) {
            throw new UserError(e.getMessage());
        }
    }
}
