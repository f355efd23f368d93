package dev.sluice.actors.bench;

import java.io.IOException;
import org.slf4j.LoggerFactory;

/** The second JVM of the bench: receives by every way until its standard input ends, so that it never outlives the first. */
public final class TransportPeer {
    private TransportPeer() {}

    /** @param args ports of the first JVM's systems: as shipped, and with whole frames */
    public static void main(String[] args) throws IOException {
        // Before any other thread logs, as the command line does.
        LoggerFactory.getLogger(TransportPeer.class);
        int shippedPort = Integer.parseInt(args[0]);
        int wholePort = Integer.parseInt(args[1]);
        BenchSystem shipped = BenchSystem.start(BenchSystem.AS_SHIPPED);
        BenchSystem whole = BenchSystem.start(BenchSystem.WHOLE_FRAMES);
        for (int part : TransportBench.PART_SIZES) {
            PartsWay.serve(shipped, shippedPort, part, new Assembly(whole.system()));
        }
        StreamWay.serve(shipped, shippedPort, new Assembly(whole.system()));
        WholeWay.serve(whole, wholePort);
        String courier = CourierWay.serve(shipped, shippedPort);
        System.out.println(String.join(
                " ",
                TransportBench.READY,
                Integer.toString(RawTcp.serve()),
                Integer.toString(shipped.port()),
                Integer.toString(whole.port()),
                courier));
        while (System.in.read() >= 0) {
            // Nothing is said there; its end is the message.
        }
        Runtime.getRuntime().halt(0);
    }
}
