import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;

/**
 * One JDBC connection that does what it reads: a command a line, its words between tabs, each answer ended by a line
 * "end" or "error". Arguments: the URL and the user. See jdbc.py for the commands.
 */
public class Jdbc {
    private final Connection connection;
    private final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    private Jdbc(Connection connection) {
        this.connection = connection;
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try (Connection connection = DriverManager.getConnection(arguments[0], arguments[1], "")) {
            out.println("end");
            new Jdbc(connection).serve();
        } catch (SQLException refused) {
            out.println("error\t" + refused.getSQLState() + "\t" + escaped(refused.getMessage()));
        }
    }

    private void serve() throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            List<String> words = new ArrayList<>();
            for (String word : line.split("\t", -1)) {
                words.add(unescaped(word));
            }
            try {
                obey(words);
                line("end");
            } catch (SQLException refused) {
                line("error", refused.getSQLState(), refused.getMessage());
            }
            out.flush();
        }
    }

    private void obey(List<String> words) throws Exception {
        List<String> rest = words.subList(1, words.size());
        switch (words.get(0)) {
            case "connection" -> show(invoked(Connection.class, connection, rest));
            case "metadata" -> show(invoked(DatabaseMetaData.class, connection.getMetaData(), rest));
            case "query" -> query(rest.get(0), Integer.parseInt(rest.get(1)), Integer.parseInt(rest.get(2)));
            case "prepared" -> prepared(rest.get(0), Integer.parseInt(rest.get(1)), rest.subList(2, rest.size()));
            case "cancelled" -> cancelled(rest.get(0), Integer.parseInt(rest.get(1)));
            default -> throw new IllegalArgumentException(words.get(0));
        }
    }

    /** Runs a statement, fetching `fetchSize` rows at a time, with a timeout in seconds where it is not 0. */
    private void query(String sql, int fetchSize, int timeout) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(fetchSize);
            statement.setQueryTimeout(timeout);
            if (statement.execute(sql)) {
                show(statement.getResultSet());
            } else {
                line("count", String.valueOf(statement.getUpdateCount()));
            }
        }
    }

    /** Runs a prepared statement so many times, and shows the last result and whether the server kept the statement. */
    private void prepared(String sql, int times, List<String> parameters) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int run = 1; run <= times; run++) {
                for (int index = 0; index < parameters.size(); index++) {
                    statement.setObject(index + 1, value(parameters.get(index)));
                }
                try (ResultSet rows = statement.executeQuery()) {
                    if (run == times) {
                        show(rows);
                    }
                }
            }
            boolean kept = statement.unwrap(org.postgresql.PGStatement.class).isUseServerPrepare();
            line("kept", String.valueOf(kept));
        }
    }

    /** A parameter as "type:value". */
    private static Object value(String written) {
        String[] parts = written.split(":", 2);
        return switch (parts[0]) {
            case "int" -> Integer.valueOf(parts[1]);
            case "long" -> Long.valueOf(parts[1]);
            case "double" -> Double.valueOf(parts[1]);
            case "decimal" -> new java.math.BigDecimal(parts[1]);
            case "boolean" -> Boolean.valueOf(parts[1]);
            case "date" -> java.sql.Date.valueOf(parts[1]);
            case "timestamp" -> java.time.OffsetDateTime.parse(parts[1]);
            case "text" -> parts[1];
            default -> throw new IllegalArgumentException(written);
        };
    }

    /** Cancels a statement after some milliseconds. */
    private void cancelled(String sql, int milliseconds) throws SQLException {
        Timer timer = new Timer(true);
        try (Statement statement = connection.createStatement()) {
            timer.schedule(new TimerTask() {
                @Override
                public void run() {
                    try {
                        statement.cancel();
                    } catch (SQLException ignored) {
                        // The statement then runs to its end, and the test sees its rows.
                    }
                }
            }, milliseconds);
            show(statement.executeQuery(sql));
        } finally {
            timer.cancel();
        }
    }

    /** Calls a method by its name, with its arguments made from text. */
    private static Object invoked(Class<?> type, Object target, List<String> words) throws Exception {
        List<String> given = words.subList(1, words.size());
        for (Method method : type.getMethods()) {
            if (method.getName().equals(words.get(0)) && method.getParameterCount() == given.size()) {
                Object[] arguments = new Object[given.size()];
                for (int index = 0; index < arguments.length; index++) {
                    arguments[index] = argument(method.getParameterTypes()[index], given.get(index));
                }
                try {
                    return method.invoke(target, arguments);
                } catch (InvocationTargetException wrapped) {
                    throw (Exception) wrapped.getCause();
                }
            }
        }
        throw new IllegalArgumentException("no method " + words);
    }

    private static Object argument(Class<?> type, String written) {
        if (written.equals("null")) {
            return null;
        } else if (type == int.class) {
            return Integer.valueOf(written);
        } else if (type == boolean.class) {
            return Boolean.valueOf(written);
        } else if (type == String[].class) {
            return written.split(",");
        }
        return written;
    }

    private void show(Object value) throws SQLException {
        if (value instanceof ResultSet rows) {
            show(rows);
        } else {
            line("value", String.valueOf(value));
        }
    }

    private void show(ResultSet rows) throws SQLException {
        ResultSetMetaData description = rows.getMetaData();
        String[] names = new String[description.getColumnCount()];
        String[] types = new String[names.length];
        String[] classes = new String[names.length];
        for (int index = 0; index < names.length; index++) {
            names[index] = description.getColumnLabel(index + 1);
            types[index] = description.getColumnTypeName(index + 1);
            classes[index] = description.getColumnClassName(index + 1);
        }
        line("columns", names);
        line("types", types);
        line("classes", classes);
        while (rows.next()) {
            String[] cells = new String[names.length];
            for (int index = 0; index < cells.length; index++) {
                // As an object first: a driver that cannot read a type fails here, not at its text.
                Object cell = rows.getObject(index + 1);
                cells[index] = cell == null ? null : rows.getString(index + 1);
            }
            line("row", cells);
        }
        rows.close();
    }

    private void line(String kind, String... words) {
        StringBuilder line = new StringBuilder(kind);
        for (String word : Arrays.asList(words)) {
            line.append('\t').append(word == null ? "\\N" : escaped(word));
        }
        out.println(line);
    }

    private static String escaped(String text) {
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r");
    }

    private static String unescaped(String text) {
        StringBuilder plain = new StringBuilder();
        for (int index = 0; index < text.length(); index++) {
            char letter = text.charAt(index);
            if (letter != '\\') {
                plain.append(letter);
                continue;
            }
            index++;
            switch (text.charAt(index)) {
                case 't' -> plain.append('\t');
                case 'n' -> plain.append('\n');
                case 'r' -> plain.append('\r');
                default -> plain.append(text.charAt(index));
            }
        }
        return plain.toString();
    }
}
