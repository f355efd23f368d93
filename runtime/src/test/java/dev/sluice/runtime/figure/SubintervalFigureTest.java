package dev.sluice.runtime.figure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.runtime.figure.SubintervalFigure.Panel;
import dev.sluice.runtime.figure.SubintervalFigure.Target;
import dev.sluice.runtime.network.TorchNetworks;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The paper's claim at a size for tests: a narrower perceptron, fewer steps. */
class SubintervalFigureTest {
    private static final SubintervalFigure.Settings SMALL =
            new SubintervalFigure.Settings(900, 256, 64, 3, 3e-3, 50, 1);

    @TempDir
    Path folder;

    @Test
    void theRightTargetFollowsTheExactTrajectoriesAndTheWrongOneDoesNot() throws IOException {
        SubintervalFigure figure = new SubintervalFigure(TorchNetworks.on("cpu", 2), SMALL);
        List<Panel> panels = new ArrayList<>();
        for (Target target : Target.values()) {
            panels.add(figure.train(target, folder, loss -> assertThat(loss).isFinite()));
        }

        double whole = panels.get(0).meanDistance();
        double right = panels.get(1).meanDistance();
        double wrong = panels.get(2).meanDistance();
        assertThat(whole).isLessThan(0.05);
        assertThat(right).isLessThan(0.05);
        assertThat(wrong).isGreaterThan(3 * Math.max(whole, right));

        Path file = folder.resolve("figure.png");
        TrajectoryPlot.write(file, panels);
        assertThat(ImageIO.read(file.toFile()).getWidth()).isEqualTo(3 * TrajectoryPlot.WIDTH);
        assertThat(ImageIO.read(file.toFile()).getHeight()).isEqualTo(TrajectoryPlot.HEIGHT);
    }
}
