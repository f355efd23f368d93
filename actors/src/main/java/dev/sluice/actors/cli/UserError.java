package dev.sluice.actors.cli;

/** Something the user can mend; the message says what was wrong, where, and what to do. */
final class UserError extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UserError(String message) {
        super(message);
    }
}
