package dev.sluice.actors.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.io.IOException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** At the limit of open files or memory nothing can be accepted, at once and again and again. */
class AcceptorTest {
    private final Logger logger = (Logger) LoggerFactory.getLogger(Acceptor.class);
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private final List<Duration> pauses = new ArrayList<>();
    private final List<SocketChannel> received = new ArrayList<>();
    private int asked;

    @BeforeEach
    void listen() {
        log.start();
        logger.addAppender(log);
    }

    @AfterEach
    void listenNoMore() throws IOException {
        logger.detachAppender(log);
        for (SocketChannel each : received) {
            each.close();
        }
    }

    @Test
    void aThousandFailuresAreOneLineAndWaitLongerAndLonger() {
        new Acceptor(
                        "tensors",
                        () -> {
                            if (++asked > 1000) {
                                throw new AsynchronousCloseException();
                            }
                            throw new IOException("Too many open files");
                        },
                        received::add,
                        pauses::add)
                .run();
        assertThat(lines())
                .containsExactly("A connection for tensors was not taken (java.io.IOException: Too many open"
                        + " files); trying again until it is, which is logged");
        assertThat(pauses).hasSize(1000).startsWith(Acceptor.SHORTEST_PAUSE, Acceptor.SHORTEST_PAUSE.multipliedBy(2));
        assertThat(pauses.get(999)).isEqualTo(Acceptor.LONGEST_PAUSE);
    }

    @Test
    void outOfMemoryDoesNotEndItAndTheConnectionIsClosed() {
        new Acceptor(
                        "tensors",
                        () -> {
                            if (++asked > 2) {
                                throw new AsynchronousCloseException();
                            }
                            return SocketChannel.open();
                        },
                        socket -> {
                            received.add(socket);
                            if (asked == 1) {
                                throw new OutOfMemoryError("Cannot reserve direct buffer memory");
                            }
                        },
                        pauses::add)
                .run();
        assertThat(received).extracting(SocketChannel::isOpen).containsExactly(false, true);
        assertThat(lines())
                .hasSize(2)
                .last()
                .asString()
                .isEqualTo("Connections for tensors are taken again, after 1 that were not");
    }

    @Test
    void aConnectionThatIsClosedWhileItIsTakenIsNotTheEnd() {
        new Acceptor(
                        "tensors",
                        () -> {
                            if (++asked > 2) {
                                throw new AsynchronousCloseException();
                            }
                            return SocketChannel.open();
                        },
                        socket -> {
                            received.add(socket);
                            throw new AsynchronousCloseException();
                        },
                        pauses::add)
                .run();
        assertThat(received).hasSize(2);
    }

    @Test
    void itEndsWhileItWaits() {
        new Acceptor(
                        "tensors",
                        () -> {
                            asked++;
                            throw new IOException("Too many open files");
                        },
                        received::add,
                        pause -> false)
                .run();
        assertThat(asked).isEqualTo(1);
    }

    private List<String> lines() {
        return log.list.stream()
                .filter(event -> event.getLevel().isGreaterOrEqual(Level.WARN))
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }
}
