package dev.sluice.actors.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * One node that trains three experiments at a time. One of them is well-behaved; two others try, in turn, whatever a hostile
 * or careless person may post. The first one's weights are those of a run alone, again and again, and the node lives.
 */
@Tag("long")
@Timeout(2700)
class IsolationIT {
    private static final Duration CHAOS = Duration.parse(System.getProperty("sluice.isolation.chaos", "PT10M"));
    private static final Duration PATIENCE = Duration.ofSeconds(180);
    /** Of the node's process, whose heap is 1 GiB: experiments that are well, and a few stuck ones until they are given up. */
    private static final long MOST_RESIDENT = 8L << 30;

    private static final String ENDLESS_NOW_AND_THEN = "a teacher that is endless now and then";

    private static final String INNOCENT = """
            include classpath("experiments/quick.conf")
            experiment { name = %s, cycles = [40, 30], grid-samples = 0, snapshot-every = 0, recipe.seed = 11 }
            checkpoint.every = 10
            """;

    private final HttpClient client =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    private final ObjectMapper json = new ObjectMapper();
    private final Map<String, List<String>> outcomes = Collections.synchronizedMap(new TreeMap<>());
    private final ConcurrentLinkedQueue<Throwable> broken = new ConcurrentLinkedQueue<>();
    private final CountDownLatch over = new CountDownLatch(1);
    private final Deque<String> left = new ArrayDeque<>();
    private Map<String, Attack> attacks;

    @TempDir
    Path folder;

    private Sluice node;
    private URI url;

    /** What an attacker does, under a name for its experiment that nobody else has; says what came of it. */
    private interface Attack {
        String against(String name) throws Exception;
    }

    @Test
    void twoHostileExperimentsDoNotChangeTheThird() throws Exception {
        Path alone = alone();
        int port = Cluster.freePort();
        Path runs = folder.resolve("runs");
        try (Sluice process = Sluice.start(
                "node", "--config", "one-process", "--port", Integer.toString(port), "--runs", runs.toString())) {
            node = process;
            url = URI.create("http://127.0.0.1:" + port);
            node.awaitLine("(experiments are submitted to)", PATIENCE);
            long until = System.nanoTime() + CHAOS.toNanos();
            Random random = new Random(1);
            attacks = attacks(random);
            List<Thread> attackers = List.of(attacker(1, random), attacker(2, random));
            attackers.forEach(Thread::start);
            int whole = 0;
            while (System.nanoTime() < until || !outcomes.keySet().containsAll(attacks.keySet())) {
                assertThat(broken)
                        .as("what attackers met that they should not have")
                        .isEmpty();
                Path run = innocent("innocent" + whole);
                Cluster.assertSame(run, alone);
                whole++;
            }
            over.countDown();
            for (Thread attacker : attackers) {
                attacker.join(PATIENCE.toMillis() * 2);
                assertThat(attacker.isAlive()).as(attacker.getName()).isFalse();
            }
            System.out.println("isolation: " + whole + " runs as alone beside " + outcomes);
            assertThat(broken)
                    .as("what attackers met that they should not have")
                    .isEmpty();
            assertThat(node.isAlive()).isTrue();
            assertThat(whole).isPositive();
            assertThat(outcomes.keySet()).as("each was tried").containsAll(attacks.keySet());
            // Quiet again: the same as ever.
            Cluster.assertSame(innocent("innocent-after"), alone);
            // It waits for minutes for the threads that never end when it is asked to stop.
            node.kill();
        }
    }

    /** The well-behaved experiment in a process of its own. */
    private Path alone() throws Exception {
        Path conf = Files.writeString(folder.resolve("alone.conf"), INNOCENT.formatted("alone"));
        Path run = folder.resolve("alone");
        try (Sluice sluice =
                Sluice.start("distill", "--experiment", conf.toString(), "--run", run.toString(), "--port", "0")) {
            assertThat(sluice.exitCode(PATIENCE))
                    .as(String.join("\n", sluice.output()))
                    .isZero();
        }
        return run;
    }

    private Path innocent(String name) throws Exception {
        HttpResponse<String> submitted = submit(INNOCENT.formatted(name));
        assertThat(submitted.statusCode()).as(submitted.body()).isEqualTo(200);
        Awaitility.await(name)
                .atMost(Duration.ofMinutes(15))
                .pollInterval(Duration.ofMillis(500))
                .until(() -> {
                    assertThat(node.isAlive())
                            .as(String.join("\n", node.output()))
                            .isTrue();
                    assertThat(resident()).as("resident bytes of the node").isLessThan(MOST_RESIDENT);
                    String state = state(name);
                    assertThat(state).as(name).isNotIn("failed", "cancelled");
                    return state.equals("finished");
                });
        cancel(name);
        return folder.resolve("runs").resolve(name + "-1");
    }

    /** Takes the next attack again and again, until it is over; whatever one attacker has begun the other leaves. */
    private Thread attacker(int number, Random random) {
        return new Thread(
                () -> {
                    for (int count = 0; over.getCount() > 0; count++) {
                        String attack = next(random);
                        String name = "hostile" + number + "x" + count;
                        try {
                            String outcome = attacks.get(attack).against(name);
                            outcomes.computeIfAbsent(attack, key -> Collections.synchronizedList(new ArrayList<>()))
                                    .add(outcome);
                        } catch (Exception | AssertionError e) {
                            broken.add(new AssertionError(attack + " as " + name, e));
                        }
                    }
                },
                "attacker-" + number);
    }

    /** All of them in a random order, and then again in another. */
    private synchronized String next(Random random) {
        if (left.isEmpty()) {
            List<String> round = new ArrayList<>(attacks.keySet());
            // It leaves threads behind that never end and take the cores from all others: once shows what it costs.
            round.removeIf(attack -> attack.equals(ENDLESS_NOW_AND_THEN) && outcomes.containsKey(attack));
            Collections.shuffle(round, random);
            left.addAll(round);
        }
        return left.remove();
    }

    private Map<String, Attack> attacks(Random random) throws IOException {
        HostileTeachers teachers = new HostileTeachers(Files.createTempDirectory(folder, "teachers"));
        Map<String, Attack> attacks = new TreeMap<>();
        // Bodies.
        attacks.put("a substitution of nothing", name -> refused("serving = ${x}"));
        attacks.put("nulls", name -> refused("experiment { name = " + name + ", timesteps = [null] }"));
        attacks.put("braces without end", name -> refused("{a:".repeat(3000) + "1" + "}".repeat(3000)));
        attacks.put("lists without end", name -> refused("a=" + "[".repeat(5000) + "]".repeat(5000)));
        attacks.put("a path without end", name -> refused("a.".repeat(20_000) + "a=1"));
        attacks.put("what doubles", name -> {
            StringBuilder doubling = new StringBuilder("x0 = \"" + "y".repeat(1000) + "\"\n");
            for (int i = 1; i < 24; i++) {
                doubling.append("x%d = ${x%d}${x%d}\n".formatted(i, i - 1, i - 1));
            }
            return refused(doubling.toString());
        });
        attacks.put("thousands of unknown keys", name -> {
            StringBuilder keys = new StringBuilder();
            for (int i = 0; i < 4000; i++) {
                keys.append("experiment.nothing-called-").append(i).append(" = 1\n");
            }
            return refused(keys.toString());
        });
        attacks.put("noise", name -> {
            byte[] noise = new byte[random.nextInt(4000)];
            random.nextBytes(noise);
            return refused(new String(noise, StandardCharsets.ISO_8859_1));
        });
        attacks.put("silent connections", name -> silentConnections());
        // Recipes.
        attacks.put(
                "a batch that wants all memory",
                name -> refused(quick(name, "recipe.batch = 65536, recipe.critic-updates = 8", null)));
        attacks.put(
                "numbers that explode",
                name -> fails(
                        name,
                        quick(
                                name,
                                "cycles = [1000, 1], recipe.generator.learning-rate = 1e30, recipe.critic.learning-rate = 1e30",
                                null)));
        attacks.put("cancelled and submitted again", name -> {
            for (int i = 0; i < 3; i++) {
                HttpResponse<String> submitted = submit(quick(name, "cycles = [100000, 1]", null));
                if (submitted.statusCode() != 200) {
                    return submitted.statusCode() + "";
                }
                cancel(name);
            }
            return "cancelled";
        });
        // Teachers.
        attacks.put("a teacher that raises", name -> refusedOrFails(name, teachers.raises()));
        attacks.put(
                "a teacher that raises now and then",
                name -> fails(name, quick(name, "cycles = [100000, 1]", teachers.raisesNowAndThen())));
        attacks.put("an endless teacher", name -> refusedOrFails(name, teachers.endless()));
        attacks.put(
                "a teacher that is endless now and then",
                name -> fails(name, quick(name, "cycles = [100000, 1]", teachers.endlessNowAndThen())));
        attacks.put("a teacher that asks for 100 GB", name -> refusedOrFails(name, teachers.huge()));
        attacks.put("a teacher that answers NaN", name -> refusedOrFails(name, teachers.notANumber()));
        attacks.put("a random teacher", name -> refusedOrFails(name, teachers.random()));
        attacks.put("a teacher that changes its input", name -> refusedOrFails(name, teachers.changesItsInput()));
        attacks.put("a teacher that writes a file", name -> {
            Path written = folder.resolve("written-" + name);
            String outcome = refusedOrFails(name, teachers.writes(written));
            assertThat(written).doesNotExist();
            return outcome;
        });
        attacks.put("a teacher larger than the heap", name -> {
            Path large = teachers.largerThanTheHeap(1200);
            try {
                HttpResponse<String> submitted = submit(quick(name, "cycles = [1, 1]", large));
                // It may be refused or, since it is read by its path, trained; nobody else may notice.
                String ended = submitted.statusCode() == 200 ? awaitEnd(name) : "refused";
                cancel(name);
                return ended;
            } finally {
                Files.delete(large);
            }
        });
        attacks.put("a teacher of itself", name -> refusedOrFails(name, teachers.ofItself()));
        attacks.put("a teacher that is a web page", name -> refusedOrFails(name, teachers.garbage()));
        return attacks;
    }

    private static String quick(String name, String experiment, Path teacher) {
        return "include classpath(\"experiments/quick.conf\")\nexperiment { name = " + name + ", " + experiment
                + (teacher == null ? "" : ", teacher = \"" + teacher + "\"")
                + " }\nsupervision { restarts = 2, work-within = 10s, roles-within = 60s }\n";
    }

    /** The post is answered with what is wrong, and nothing begins. */
    private String refused(String body) throws Exception {
        HttpResponse<String> response = submit(body);
        assertThat(response.statusCode()).as(response.body()).isBetween(400, 499);
        assertThat(response.body().length()).isLessThan(8192);
        assertThat(response.body()).doesNotContain("\tat ", "Exception");
        return "refused";
    }

    /** The experiment begins and fails by itself, with its cause. */
    private String fails(String name, String body) throws Exception {
        HttpResponse<String> submitted = submit(body);
        assertThat(submitted.statusCode()).as(submitted.body()).isEqualTo(200);
        String end = awaitEnd(name);
        cancel(name);
        return end;
    }

    private String refusedOrFails(String name, Path teacher) throws Exception {
        HttpResponse<String> submitted = submit(quick(name, "cycles = [100, 1]", teacher));
        if (submitted.statusCode() != 200) {
            assertThat(submitted.statusCode()).as(submitted.body()).isBetween(400, 499);
            return "refused";
        }
        String end = awaitEnd(name);
        assertThat(end).as(name).isEqualTo("failed");
        cancel(name);
        return end;
    }

    /** Its state when it is over, or when the time for attacks is. */
    private String awaitEnd(String name) {
        return Awaitility.await(name)
                .atMost(Duration.ofMinutes(10))
                .pollInterval(Duration.ofSeconds(1))
                .until(() -> over.getCount() == 0 ? "unfinished" : state(name), state -> List.of(
                                "failed", "finished", "cancelled", "unfinished")
                        .contains(state));
    }

    private String silentConnections() throws Exception {
        List<Socket> held = new ArrayList<>();
        try {
            for (int i = 0; i < 1500; i++) {
                Socket socket = new Socket();
                try {
                    socket.connect(new InetSocketAddress("127.0.0.1", url.getPort()), 5000);
                    held.add(socket);
                } catch (IOException refused) {
                    socket.close();
                }
            }
            // The test's own requests, and the others', go on meanwhile.
            HttpResponse<String> live = client.send(
                    HttpRequest.newBuilder(url.resolve("/live"))
                            .timeout(Duration.ofSeconds(20))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(live.statusCode()).isEqualTo(200);
            over.await(3, TimeUnit.SECONDS);
            return "lived";
        } finally {
            for (Socket socket : held) {
                socket.close();
            }
        }
    }

    /** As users are told to: again, when too many others are being looked at, or another's teacher is being tried for long. */
    private HttpResponse<String> submit(String body) throws Exception {
        HttpResponse<String> answer = post(body);
        for (int again = 0; answer.statusCode() == 503 && again < 5; again++) {
            over.await(2, TimeUnit.SECONDS);
            answer = post(body);
        }
        return answer;
    }

    private HttpResponse<String> post(String body) throws Exception {
        return client.send(
                HttpRequest.newBuilder(url.resolve("/v1/experiments"))
                        .header("Content-Type", "application/hocon")
                        .timeout(Duration.ofMinutes(3))
                        .POST(HttpRequest.BodyPublishers.ofString(body, StandardCharsets.UTF_8))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private void cancel(String name) throws Exception {
        client.send(
                HttpRequest.newBuilder(url.resolve("/v1/experiments/" + name))
                        .timeout(Duration.ofMinutes(1))
                        .DELETE()
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private String state(String name) throws Exception {
        HttpResponse<String> response = client.send(
                HttpRequest.newBuilder(url.resolve("/v1/experiments/" + name))
                        .timeout(Duration.ofMinutes(1))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        JsonNode status = json.readTree(response.body());
        return status.path("state").asText();
    }

    private long resident() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + node.pid() + "/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) << 10;
            }
        }
        throw new IllegalStateException("the node's process is gone");
    }
}
