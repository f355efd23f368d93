package dev.sluice.actors.cli;

import dev.sluice.actors.experiments.RunStart;
import dev.sluice.actors.http.ListenException;
import dev.sluice.actors.node.CannotStart;
import dev.sluice.config.BadSettings;
import dev.sluice.monitoring.run.BadRunFolder;
import dev.sluice.runtime.network.EngineNotLoaded;
import dev.sluice.runtime.network.NetworkFileException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Optional;

/** What is said of a command's failure that the user can do something about: one sentence, without a trace. */
final class Explanation {
    private Explanation() {}

    /** Empty where only Sluice's authors can mend it. */
    static Optional<String> of(Throwable failure) {
        if (failure instanceof OutOfMemoryError) {
            return Optional.of(memory(failure));
        }
        if (failure instanceof UncheckedIOException unchecked) {
            return Optional.of(file(unchecked.getCause()));
        }
        if (failure instanceof IOException io) {
            return Optional.of(file(io));
        }
        boolean written = failure instanceof UserError
                || failure instanceof RemovedFromCluster
                || failure instanceof BadSettings
                || failure instanceof BadRunFolder
                || failure instanceof ListenException
                || failure instanceof CannotStart
                || failure instanceof RunStart.CannotResume
                || failure instanceof NetworkFileException
                || failure instanceof EngineNotLoaded;
        return written ? Optional.of(failure.getMessage()) : Optional.empty();
    }

    private static String memory(Throwable failure) {
        return "Java's " + (Runtime.getRuntime().maxMemory() >> 20) + " MB of memory are too few for this ("
                + failure.getMessage() + "); give it more with the variable SLUICE_HEAP=8g, or ask for less at once";
    }

    /** Java says of most of these nothing but the file. */
    private static String file(IOException failure) {
        if (failure instanceof FileSystemException of && of.getReason() == null) {
            if (of instanceof NoSuchFileException) {
                return of.getFile() + " is not there";
            }
            if (of instanceof AccessDeniedException) {
                return of.getFile() + ": this user may not do that there (permission denied)";
            }
            if (of instanceof FileAlreadyExistsException) {
                return of.getFile()
                        + " is there already, and not what is needed there: remove it or choose another name";
            }
            if (of instanceof NotDirectoryException) {
                return of.getFile() + " is not a folder";
            }
        }
        return failure.getMessage() == null ? failure.toString() : failure.getMessage();
    }
}
