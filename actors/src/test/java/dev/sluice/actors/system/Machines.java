package dev.sluice.actors.system;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Machines on a network of their own, as far as the network is concerned: a network namespace each, with a cable to a
 * switch. They share the disk.
 */
final class Machines implements AutoCloseable {
    private static final String NET = "10.77.0.";

    private final String prefix = "sluice" + ProcessHandle.current().pid();
    private final String hub = prefix + "-hub";
    private final int count;

    private Machines(int count) {
        this.count = count;
    }

    /** Skips the test where namespaces cannot be made. */
    static Machines start(int count) throws IOException {
        Machines machines = new Machines(count);
        boolean possible;
        try {
            possible = ip(List.of("netns", "add", machines.hub)).isEmpty();
        } catch (IOException e) {
            possible = false;
        }
        assumeTrue(possible, "needs root and ip netns: a network can be cut only where it can be made");
        try {
            machines.lay();
            return machines;
        } catch (IOException | RuntimeException e) {
            machines.close();
            throw e;
        }
    }

    private void lay() throws IOException {
        must("-n", hub, "link", "add", "switch", "type", "bridge");
        must("-n", hub, "link", "set", "switch", "up");
        for (int i = 1; i <= count; i++) {
            must("netns", "add", name(i));
            must("-n", hub, "link", "add", cable(i), "type", "veth", "peer", "name", "eth0", "netns", name(i));
            must("-n", hub, "link", "set", cable(i), "master", "switch");
            must("-n", hub, "link", "set", cable(i), "up");
            must("-n", name(i), "addr", "add", address(i) + "/24", "dev", "eth0");
            must("-n", name(i), "link", "set", "eth0", "up");
            must("-n", name(i), "link", "set", "lo", "up");
        }
    }

    private String name(int machine) {
        return prefix + "-" + machine;
    }

    private static String cable(int machine) {
        return "cable" + machine;
    }

    String address(int machine) {
        return NET + machine;
    }

    /** Starts the command line on a machine, counted from 1. */
    Sluice start(int machine, String... arguments) throws IOException {
        return Sluice.startBehind(List.of("ip", "netns", "exec", name(machine)), arguments);
    }

    /** Pulls a machine's cable: packets are lost, nobody is told. */
    void cut(int machine) throws IOException {
        must("-n", hub, "link", "set", cable(machine), "down");
    }

    void heal(int machine) throws IOException {
        must("-n", hub, "link", "set", cable(machine), "up");
    }

    private static void must(String... arguments) throws IOException {
        String said = ip(List.of(arguments));
        if (!said.isEmpty()) {
            throw new IOException("ip " + String.join(" ", arguments) + ": " + said);
        }
    }

    /** What it complained of. */
    private static String ip(List<String> arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of("ip"));
        command.addAll(arguments);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        // Its output has ended, and so has it, or it does at once.
        int code = process.onExit().join().exitValue();
        return code == 0 ? "" : said + " (" + code + ")";
    }

    @Override
    public void close() throws IOException {
        for (int i = 1; i <= count; i++) {
            ip(List.of("netns", "del", name(i)));
        }
        ip(List.of("netns", "del", hub));
    }
}
