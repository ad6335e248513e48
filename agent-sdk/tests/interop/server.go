// A small agent, made of Go's standard library and `gorilla/websocket`: the real agent is written in
// Go, too.
//
// The environment says how: AGENT_USERNAME, AGENT_PASSWORD, AGENT_CERTIFICATE and AGENT_KEY (files,
// for wss). Writes its port on one line when it is ready, and serves until it is killed.
//
// Besides what every agent has: `echo` answers after a random while, out of order; `binary` and
// `fragments` answer in those frames; `bare` answers without a status; `fail` answers an error;
// `leave` closes the connection; `subscribe` brings one event.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

type object = map[string]interface{}

type request struct {
	Action      string                 `json:"action"`
	Parameters  map[string]interface{} `json:"parameters"`
	Idempotence string                 `json:"idempotence"`
}

var (
	login = []string{"SMP1.0", os.Getenv("AGENT_USERNAME"), os.Getenv("AGENT_PASSWORD")}
	names = []string{"list_actions", "whoami", "subscribe", "echo", "binary", "fragments", "bare", "fail", "leave"}
	// The parameters of open transfers by token, and the files by path.
	transfers, files sync.Map
	// Messages over the buffer's size go out in fragments.
	upgrader = websocket.Upgrader{Subprotocols: []string{"SMP1.0"}, WriteBufferSize: 1024}
)

// A session; gorilla's connections take one writer at a time.
type session struct {
	sync.Mutex
	socket *websocket.Conn
}

func (s *session) write(kind int, text []byte) {
	s.Lock()
	defer s.Unlock()
	// A client that has gone needs no answer.
	_ = s.socket.WriteMessage(kind, text)
}

func encode(message object) []byte {
	text, err := json.Marshal(message)
	if err != nil {
		log.Fatal(err)
	}
	return text
}

func reply(r request, parameters interface{}) object {
	return object{"status": "ok", "parameters": parameters, "idempotence": r.Idempotence}
}

func (s *session) answer(r request) {
	message := reply(r, r.Parameters)
	switch r.Action {
	case "list_actions":
		actions := object{}
		for _, name := range names {
			actions[name] = object{"required_parameters": nil}
		}
		message["parameters"] = object{"actions": actions}
	case "whoami":
		message["parameters"] = object{"username": login[1], "permissions": []string{"*"}}
	case "subscribe":
		s.write(websocket.TextMessage, encode(reply(r, object{})))
		message = object{"type": "server_state", "parameters": object{"server": r.Parameters["topic"]}}
	case "file_upload", "file_download":
		token := fmt.Sprintf("%016x", rand.Uint64())
		transfers.Store(token, r.Parameters)
		message["parameters"] = object{"token": token}
	case "echo":
		time.Sleep(time.Duration(rand.Intn(50)) * time.Millisecond)
	case "binary":
		s.write(websocket.BinaryMessage, encode(message))
		return
	case "fragments":
		s.write(websocket.TextMessage, []byte(string(encode(message))+strings.Repeat(" ", 4096)))
		return
	case "bare":
		delete(message, "status")
	case "leave":
		s.write(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""))
		return
	default:
		message["status"] = "error"
		message["parameters"] = object{"reason": "no " + r.Action}
	}
	s.write(websocket.TextMessage, encode(message))
}

func serve(w http.ResponseWriter, r *http.Request) {
	offered := strings.Split(r.Header.Get("Sec-WebSocket-Protocol"), ",")
	for i, word := range offered {
		offered[i] = strings.TrimSpace(word)
	}
	if strings.Join(offered, ",") != strings.Join(login, ",") {
		http.Error(w, "wrong credentials", http.StatusUnauthorized)
		return
	}
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer socket.Close()
	s := &session{socket: socket}
	for {
		_, text, err := socket.ReadMessage()
		if err != nil {
			return
		}
		var r request
		if json.Unmarshal(text, &r) == nil {
			go s.answer(r)
		}
	}
}

func health(secure bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(encode(object{
			"agent":  object{"version": "0.0.1", "ssl": secure},
			"system": object{"hostname": "go"},
			"status": "running",
		}))
	}
}

// The parameters of the transfer with this token, if the request carries the login.
func transfer(w http.ResponseWriter, r *http.Request, token string) (object, bool) {
	username, password, _ := r.BasicAuth()
	if username != login[1] || password != login[2] {
		http.Error(w, "wrong credentials", http.StatusUnauthorized)
		return nil, false
	}
	parameters, found := transfers.LoadAndDelete(token)
	if !found {
		http.Error(w, "no transfer has this token", http.StatusNotFound)
		return nil, false
	}
	return parameters.(map[string]interface{}), true
}

func upload(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	content, err := io.ReadAll(file)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	parameters, ok := transfer(w, r, r.FormValue("token"))
	if !ok {
		return
	}
	checksum := fmt.Sprintf("%x", sha256.Sum256(content))
	if parameters["checksum"] != checksum || parameters["size"] != float64(len(content)) {
		http.Error(w, "it is not what was announced", http.StatusBadRequest)
		return
	}
	files.Store(parameters["path"], content)
}

func download(w http.ResponseWriter, r *http.Request) {
	var body struct{ Token string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	parameters, ok := transfer(w, r, body.Token)
	if !ok {
		return
	}
	content, found := files.Load(parameters["path"])
	if !found {
		http.NotFound(w, r)
		return
	}
	// In several writes, so that Go sends it in chunks.
	for rest := content.([]byte); len(rest) > 0; {
		size := len(rest)
		if size > 4096 {
			size = 4096
		}
		_, _ = w.Write(rest[:size])
		rest = rest[size:]
	}
}

func main() {
	certificate, key := os.Getenv("AGENT_CERTIFICATE"), os.Getenv("AGENT_KEY")
	http.HandleFunc("/ws", serve)
	http.HandleFunc("/upload", upload)
	http.HandleFunc("/download", download)
	http.HandleFunc("/", health(key != ""))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if key != "" {
		log.Fatal(http.ServeTLS(listener, nil, certificate, key))
	}
	log.Fatal(http.Serve(listener, nil))
}
