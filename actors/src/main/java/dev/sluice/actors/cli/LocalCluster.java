package dev.sluice.actors.cli;

import dev.sluice.protocol.Role;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Collectors;

/**
 * A cluster of processes on this machine, one for each role: starts them, passes on what they say with the role before it,
 * starts again what dies by accident, though not for ever ({@link RestartLimit}), and ends with the one that controls.
 * Nothing is left behind, however this process ends.
 *
 * <p>Every node names all of them as seeds: whichever starts again, the control node included, finds the others, and the
 * cluster drops its old incarnation at once instead of waiting until it is found dead.
 */
final class LocalCluster implements AutoCloseable {
    private static final int KILLED = 137;

    /** What the process of a role is started with, from its own port and everybody's addresses on. */
    @FunctionalInterface
    interface Arguments {
        /** @param again whether it was there before */
        List<String> of(Role role, int port, List<String> seeds, boolean again);
    }

    private record Ended(Role role, int code) {}

    private static final class Node {
        private final int port;
        private Process process;
        private long startedAt;

        Node(int port) {
            this.port = port;
        }
    }

    private final Arguments arguments;
    private final RestartLimit limit;
    private final PrintWriter out;
    private final Map<Role, Node> nodes = new EnumMap<>(Role.class);
    private final BlockingQueue<Ended> ends = new LinkedBlockingQueue<>();
    private final Thread hook = new Thread(this::endAll, "end-cluster");
    private boolean ending;

    private LocalCluster(Arguments arguments, RestartLimit limit, PrintWriter out) {
        this.arguments = arguments;
        this.limit = limit;
        this.out = out;
    }

    /** Starts a node for each role, the control node first. */
    static LocalCluster start(Arguments arguments, RestartLimit limit, PrintWriter out) throws IOException {
        LocalCluster cluster = new LocalCluster(arguments, limit, out);
        List<Integer> ports = freePorts(Role.values().length);
        for (Role role : Role.values()) {
            cluster.nodes.put(role, new Node(ports.get(role.ordinal())));
        }
        Runtime.getRuntime().addShutdownHook(cluster.hook);
        try {
            cluster.launch(Role.CONTROL, false);
            for (Role role : Role.values()) {
                if (role != Role.CONTROL) {
                    cluster.launch(role, false);
                }
            }
            return cluster;
        } catch (IOException | RuntimeException e) {
            cluster.close();
            throw e;
        }
    }

    private static List<Integer> freePorts(int count) throws IOException {
        List<ServerSocket> taken = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                taken.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
            }
            return taken.stream().map(ServerSocket::getLocalPort).toList();
        } finally {
            for (ServerSocket socket : taken) {
                socket.close();
            }
        }
    }

    private synchronized void launch(Role role, boolean again) throws IOException {
        if (ending) {
            return;
        }
        Node node = nodes.get(role);
        List<String> seeds = nodes.values().stream()
                .map(other -> "127.0.0.1:" + other.port)
                .collect(Collectors.toCollection(ArrayList::new));
        // Pekko takes the first seed for the one that may found a cluster.
        String control = "127.0.0.1:" + nodes.get(Role.CONTROL).port;
        seeds.remove(control);
        seeds.add(0, control);
        node.process =
                RunProcess.builder(arguments.of(role, node.port, seeds, again)).start();
        node.startedAt = System.nanoTime();
        say("sluice: the " + role.key() + " is process " + node.process.pid());
        Process process = node.process;
        Thread reader = new Thread(() -> passOn(role, process), "output-of-" + role.key());
        reader.setDaemon(true);
        reader.start();
    }

    private void passOn(Role role, Process process) {
        String prefix = "[" + role.key() + "] ";
        try (BufferedReader lines = process.inputReader()) {
            for (String line; (line = lines.readLine()) != null; ) {
                say(prefix + line);
            }
        } catch (IOException e) {
            say(prefix + "(its output broke off: " + e.getMessage() + ")");
        }
        try {
            ends.add(new Ended(role, process.waitFor()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void say(String line) {
        synchronized (out) {
            out.println(line);
            out.flush();
        }
    }

    /**
     * Keeps the nodes going until the control node has ended by its own choice.
     *
     * @return its exit code
     * @throws UserError when a node dies again and again
     */
    int awaitControl() throws InterruptedException {
        while (true) {
            Ended ended = ends.take();
            if (ended.role() == Role.CONTROL && !ExitCode.isAccident(ended.code())) {
                return ended.code();
            }
            restart(ended);
        }
    }

    private void restart(Ended ended) throws InterruptedException {
        Duration lived = Duration.ofNanos(System.nanoTime() - nodes.get(ended.role()).startedAt);
        Duration wait = limit.died(ended.role(), lived)
                .orElseThrow(() -> new UserError(ended(ended.role(), ended.code()) + ", for the " + RestartLimit.MOST
                        + "th time with no checkpoint kept between; what it said last is above"));
        say("sluice: the " + ended.role().key() + "'s process ended with " + ended.code() + "; starting it again"
                + why(ended.code()));
        Thread.sleep(wait.toMillis());
        try {
            launch(ended.role(), true);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String ended(Role role, int code) {
        return "the " + role.key() + "'s process ended with " + code + why(code);
    }

    private static String why(int code) {
        return code == KILLED ? " (SIGKILL: by hand, or by the kernel; is there enough memory?)" : "";
    }

    /** The control node first: what it trains is kept while the others are still there. */
    private void endAll() {
        synchronized (this) {
            ending = true;
        }
        end(nodes.get(Role.CONTROL));
        List<Thread> endings = nodes.values().stream()
                .map(node -> new Thread(() -> end(node), "end-node"))
                .toList();
        endings.forEach(Thread::start);
        for (Thread thread : endings) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static void end(Node node) {
        if (node.process != null && node.process.isAlive()) {
            RunProcess.end(node.process);
        }
    }

    @Override
    public void close() {
        RunProcess.removeHook(hook);
        endAll();
    }
}
