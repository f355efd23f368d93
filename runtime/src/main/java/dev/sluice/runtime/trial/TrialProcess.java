package dev.sluice.runtime.trial;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sluice.runtime.network.EngineErrors;
import dev.sluice.runtime.network.NetworkFile;
import dev.sluice.runtime.network.NetworkTrial;
import dev.sluice.runtime.network.TorchNetworks;
import dev.sluice.runtime.network.TrialReport;
import dev.sluice.runtime.network.TrialReport.Part;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/**
 * The process that a network file is tried in; {@link Trials} starts it. It says on its standard output what it does and
 * what it has found, a JSON text a line, and ends when its standard input does, that is when its parent is gone.
 */
final class TrialProcess {
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * A line of its output. The network's own prints are there too; the key tells them apart.
     *
     * @param report null while nothing new is known
     */
    record Line(String key, Part part, String doing, TrialReport report) {}

    private TrialProcess() {}

    /** @param arguments key of the lines, file, threads, earliest and latest time */
    public static void main(String[] arguments) {
        endWithParent();
        String key = arguments[0];
        try {
            say(new Line(key, Part.ENGINE, "loading libtorch", null));
            TorchNetworks networks = TorchNetworks.on("cpu", Integer.parseInt(arguments[2]));
            TorchNetworks.load();
            NetworkTrial.run(
                    networks,
                    NetworkFile.reference("teacher", Path.of(arguments[1])),
                    Double.parseDouble(arguments[3]),
                    Double.parseDouble(arguments[4]),
                    new NetworkTrial.Listener() {
                        @Override
                        public void doing(Part part, String what) {
                            say(new Line(key, part, what, null));
                        }

                        @Override
                        public void found(TrialReport report) {
                            say(new Line(key, Part.TRAINING, "", report));
                        }
                    });
            Runtime.getRuntime().halt(0);
        } catch (Throwable e) {
            // What the network did is reported; this is what libtorch or this process itself did.
            say(new Line(key, Part.ENGINE, EngineErrors.cause(e), null));
            Runtime.getRuntime().halt(1);
        }
    }

    private static void say(Line line) {
        try {
            System.out.println(JSON.writeValueAsString(line));
            System.out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("a line of the trial", e);
        }
    }

    private static void endWithParent() {
        Thread watching = new Thread(
                () -> {
                    try {
                        while (System.in.read() >= 0) {
                            // Nothing is said to it.
                        }
                    } catch (IOException e) {
                        // Gone as well.
                    }
                    Runtime.getRuntime().halt(1);
                },
                "parent");
        watching.setDaemon(true);
        watching.start();
    }
}
