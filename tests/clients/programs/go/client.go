// One ability of one driver, as JSON: client DRIVER ABILITY ADDRESS QUERIES
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	_ "github.com/jackc/pgx/v4/stdlib"
	"github.com/lib/pq"
)

type target struct {
	Host     string
	Port     int
	User     string
	Database string
}

type queries struct {
	Types    string
	Series   string
	Long     string
	Comments string
	Refused  []string
}

func main() {
	driver, ability := os.Args[1], os.Args[2]
	var where target
	var given queries
	must(json.Unmarshal([]byte(os.Args[3]), &where))
	must(json.Unmarshal([]byte(os.Args[4]), &given))
	url := fmt.Sprintf("postgres://%s@%s:%d/%s?sslmode=disable", where.User, where.Host, where.Port, where.Database)
	database, err := sql.Open(driver, url)
	must(err)
	defer database.Close()
	database.SetMaxOpenConns(1)
	shown, err := json.Marshal(run(driver, url, ability, database, given))
	must(err)
	fmt.Println(string(shown))
}

func run(driver, url, ability string, database *sql.DB, given queries) interface{} {
	switch ability {
	case "connects":
		return read(database, "SELECT 1::int4 + $1::int4", 1)
	case "lists":
		return read(database, given.Comments)
	case "types":
		return read(database, given.Types)
	case "pages":
		if driver == "pgx" {
			return simplePages(url, given.Series)
		}
		return cursorPages(database, given.Series)
	case "cancels":
		hurried, stop := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer stop()
		_, err := database.QueryContext(hurried, given.Long)
		if err == nil {
			return "it ran to its end"
		}
		return []interface{}{"ended", read(database, "SELECT 1::int4")}
	default:
		return codes(database, given.Refused)
	}
}

// read gives the types and the values of a result.
func read(database *sql.DB, query string, parameters ...interface{}) [][]interface{} {
	rows, err := database.Query(query, parameters...)
	must(err)
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	must(err)
	all := [][]interface{}{}
	for rows.Next() {
		values := make([]interface{}, len(columns))
		places := make([]interface{}, len(columns))
		for index := range values {
			places[index] = &values[index]
		}
		must(rows.Scan(places...))
		for index, value := range values {
			switch value := value.(type) {
			case []byte:
				values[index] = string(value)
			case time.Time:
				values[index] = value.UTC().String()
			}
		}
		all = append(all, values)
	}
	must(rows.Err())
	if len(all) == 1 {
		names := []interface{}{}
		for _, column := range columns {
			names = append(names, column.DatabaseTypeName())
		}
		all = append(all, names)
	}
	return all
}

// cursorPages reads through a cursor, the way that lib/pq has for pages.
func cursorPages(database *sql.DB, series string) []int {
	transaction, err := database.Begin()
	must(err)
	defer transaction.Rollback()
	_, err = transaction.Exec("DECLARE pages CURSOR FOR " + series)
	must(err)
	sizes := []int{}
	for {
		rows, err := transaction.Query("FETCH 700 FROM pages")
		must(err)
		count := 0
		for rows.Next() {
			count++
		}
		must(rows.Err())
		if count == 0 {
			return sizes
		}
		sizes = append(sizes, count)
	}
}

// simplePages reads with the simple protocol, as Grafana does.
func simplePages(url, series string) []int64 {
	connection, err := pgx.Connect(context.Background(), url)
	must(err)
	defer connection.Close(context.Background())
	rows, err := connection.Query(context.Background(), series, pgx.QuerySimpleProtocol(true))
	must(err)
	var count, sum int64
	for rows.Next() {
		var one int64
		must(rows.Scan(&one))
		count++
		sum += one
	}
	must(rows.Err())
	return []int64{count, sum}
}

func codes(database *sql.DB, refused []string) []string {
	found := []string{}
	for _, query := range refused {
		rows, err := database.Query(query)
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			rows.Close()
		}
		var fromPq *pq.Error
		var fromPgx *pgconn.PgError
		switch {
		case errors.As(err, &fromPq):
			found = append(found, string(fromPq.Code))
		case errors.As(err, &fromPgx):
			found = append(found, fromPgx.Code)
		default:
			found = append(found, fmt.Sprint(err))
		}
	}
	return found
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
