package dev.sluice.actors.workbench;

/** Words for what went wrong. */
public final class Causes {
    private Causes() {}

    /** The first line of a failure's message, or its kind when it has none. */
    public static String of(Throwable failure) {
        String message = failure.getMessage();
        return message == null || message.isBlank()
                ? failure.getClass().getSimpleName()
                : message.lines().findFirst().orElseThrow();
    }
}
