package dev.sluice.actors.sampler;

/** What an exception says to a user. */
final class Failures {
    private Failures() {}

    /** The first line of the message, or the exception's name when it has none. */
    static String describe(Throwable failure) {
        String message = failure.getMessage();
        return message == null || message.isBlank()
                ? failure.getClass().getSimpleName()
                : message.lines().findFirst().orElseThrow();
    }
}
