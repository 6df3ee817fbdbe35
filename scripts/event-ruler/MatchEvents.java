import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.Machine;

/** The first line of stdin is an event pattern, each other one an event; prints whether each matches, a line each. */
final class MatchEvents {
  public static void main(String[] arguments) throws Exception {
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var machine = new Machine();
    machine.addRule("pattern", lines.readLine());
    for (var event = lines.readLine(); event != null; event = lines.readLine()) {
      System.out.println(!machine.rulesForJSONEvent(event).isEmpty());
    }
  }
}
