package dev.sluice.runtime.network;

/** libtorch cannot be loaded on this machine; the message says from where, why, and what the user can do. */
public final class EngineNotLoaded extends RuntimeException {
    private static final long serialVersionUID = 1L;

    EngineNotLoaded(String message, Throwable cause) {
        super(message, cause);
    }
}
