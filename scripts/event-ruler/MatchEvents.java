import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.Machine;
import software.amazon.event.ruler.MachineComplexityEvaluator;

/**
 * The first line of stdin is an event pattern, each other one an event; prints the pattern's complexity, then whether
 * each event matches, a line each.
 */
final class MatchEvents {
  private static final int MAX_TOLD_COMPLEXITY = 100;

  public static void main(String[] arguments) throws Exception {
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var machine = new Machine();
    machine.addRule("pattern", lines.readLine());
    System.out.println(machine.evaluateComplexity(new MachineComplexityEvaluator(MAX_TOLD_COMPLEXITY)));
    for (var event = lines.readLine(); event != null; event = lines.readLine()) {
      System.out.println(!machine.rulesForJSONEvent(event).isEmpty());
    }
  }
}
