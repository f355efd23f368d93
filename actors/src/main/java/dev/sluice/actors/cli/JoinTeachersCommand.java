package dev.sluice.actors.cli;

import dev.sluice.runtime.network.TwoExpertsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ./sluice join-teachers}: two network files become one teacher with a boundary between them. */
@Command(
        name = "join-teachers",
        mixinStandardHelpOptions = true,
        footer = SluiceCommand.A_TEACHER_IS_A_PROGRAM,
        description = {
            "Makes one teacher of two networks, as Wan2.2 is made: one answers at noise levels from the boundary up, the"
                    + " other below.",
            "Writes a small file that names both with their SHA-256; give it wherever a teacher is asked for."
        })
final class JoinTeachersCommand implements Callable<Integer> {
    @Option(names = "--high", required = true, paramLabel = "A.pt", description = "The network for high noise.")
    private Path high;

    @Option(names = "--low", required = true, paramLabel = "B.pt", description = "The network for low noise.")
    private Path low;

    @Option(
            names = "--boundary",
            required = true,
            paramLabel = "T",
            description = "Noise level between 0 and 1 from which the first answers, such as 0.875.")
    private double boundary;

    @Option(names = "--out", required = true, paramLabel = "two.json", description = "The file to write.")
    private Path out;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Output.requireCreatable("--out", out);
        Files.createDirectories(out.toAbsolutePath().getParent());
        try {
            TwoExpertsFile.join(out, boundary, high, low);
        } catch (IllegalArgumentException e) {
            throw new UserError(e.getMessage());
        }
        spec.commandLine()
                .getOut()
                .printf(
                        "sluice: %s is a teacher of two experts; distil it with --set experiment.teacher=%s and a phase"
                                + " that ends at the first timestep below %s%n",
                        out, out, boundary);
        return 0;
    }
}
